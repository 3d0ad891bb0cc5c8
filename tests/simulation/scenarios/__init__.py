"""Named scenarios, a file for each part of whendue: small scenarios that together use every service."""
