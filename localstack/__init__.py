"""The dev loop (`python -m localstack`): an emulator of AWS, the stack deployed to it, a demonstration."""
