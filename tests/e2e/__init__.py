"""The whole chain over real HTTP on the embedded emulator."""
