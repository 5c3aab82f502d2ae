"""The stack's alarms: when their states change, and what follows from a change."""
