"""The dev loop: an emulator of AWS on this machine, the stack deployed to it, a demonstration. `python -m localstack`."""
