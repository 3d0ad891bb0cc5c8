# A domain of one's own; its DNS record points at the output `domain_target`.
resource "aws_apigatewayv2_domain_name" "this" {
  count       = var.domain == null ? 0 : 1
  domain_name = var.domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

# Mappings of this kind carry REST APIs, too.
resource "aws_apigatewayv2_api_mapping" "this" {
  count       = var.domain == null ? 0 : 1
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  api_id      = local.http ? aws_apigatewayv2_api.this[0].id : aws_api_gateway_rest_api.this[0].id
  stage       = local.http ? aws_apigatewayv2_stage.this[0].name : aws_api_gateway_stage.this[0].stage_name
}
