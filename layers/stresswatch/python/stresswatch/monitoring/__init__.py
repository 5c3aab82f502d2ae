"""What watches the stream: windows, drift, live quality, panels."""
