output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "What is called: the function's ARN, or its alias's with SnapStart."
  value       = local.called
}

output "invoke_arn" {
  description = "What a REST API calls."
  value       = var.snap_start ? aws_lambda_alias.live[0].invoke_arn : aws_lambda_function.this.invoke_arn
}

output "qualifier" {
  description = "The alias that is called, null without SnapStart."
  value       = one(aws_lambda_alias.live[*].name)
}

output "policy" {
  description = "What the function may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
