"""What it takes to settle a part."""
