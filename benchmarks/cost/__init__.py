"""Resources used by the stack."""
