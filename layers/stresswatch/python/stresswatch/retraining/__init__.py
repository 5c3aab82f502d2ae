"""The retraining loop: triggers, gate and notifications."""
