"""The stack's alarms: state changes and their actions."""
