output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "invoke_arn" {
  description = "What a REST API calls."
  value       = aws_lambda_function.this.invoke_arn
}

output "policy" {
  description = "What the function may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
