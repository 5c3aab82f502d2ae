"""The emulator as a child process, and what is put right in it."""
