"""What runs in LocalStack's Python, apart from ours: the server, its executor of functions, its DynamoDB."""
