"""AWS rules beyond the emulator, checked without an account.

``python -m verification.aws`` runs all of them; ``docs/aws-rules.md`` lists them.
"""
