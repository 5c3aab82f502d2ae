"""Rules that AWS enforces and emulators do not, checked without an account.

``python -m verification.aws`` runs all of them; ``docs/aws-rules.md`` lists them.
"""
