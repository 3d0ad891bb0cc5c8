"""Tasks that only the end-to-end suite deploys."""
