"""Lambda functions: thin handlers over whendue's services."""
