"""From the synthesized template to the one that is deployed here."""
