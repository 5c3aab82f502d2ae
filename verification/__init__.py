"""Checks of what is deployed that neither an emulator nor CDK makes."""
