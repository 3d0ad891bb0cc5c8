output "url" {
  description = "The API's address, without a slash at its end."
  value = trimsuffix(
    var.domain != null ? "https://${var.domain.name}" :
    local.http ? aws_apigatewayv2_stage.this[0].invoke_url : aws_api_gateway_stage.this[0].invoke_url,
    "/"
  )
}

output "id" {
  description = "The API's id."
  value       = local.http ? aws_apigatewayv2_api.this[0].id : aws_api_gateway_rest_api.this[0].id
}

output "domain_target" {
  description = "Where the domain's DNS record must point, null without a domain."
  value       = one(aws_apigatewayv2_domain_name.this[*].domain_name_configuration[0].target_domain_name)
}
