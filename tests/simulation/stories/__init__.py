"""Named scenarios, a file for each part of whendue: small stories that together use every service."""
