"""What workflows keep to before they are accepted, and how they are found."""
