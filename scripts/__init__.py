"""What is run by hand and by make: generators of what the repository keeps."""
