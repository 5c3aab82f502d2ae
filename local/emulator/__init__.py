"""The emulator as a child process, with fixes."""
