# The HTTP front: one function behind an HTTP API or a REST API. The function itself checks every token.
locals {
  http = var.flavor == "http"
  rest = var.flavor == "rest"
}

resource "aws_lambda_permission" "this" {
  statement_id  = "apigateway"
  action        = "lambda:InvokeFunction"
  function_name = var.function_name
  qualifier     = var.function_qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.http ? aws_apigatewayv2_api.this[0].execution_arn : aws_api_gateway_rest_api.this[0].execution_arn}/*"
}

# --- an HTTP API ----------------------------------------------------------------------------------------------

resource "aws_apigatewayv2_api" "this" {
  count                        = local.http ? 1 : 0
  name                         = var.name
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = var.domain != null
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "this" {
  count                  = local.http ? 1 : 0
  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = var.function_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:the function verifies tokens itself, and serves health and docs without one
  count     = local.http ? 1 : 0
  api_id    = aws_apigatewayv2_api.this[0].id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.this[0].id}"
}

resource "aws_apigatewayv2_stage" "this" {
  #checkov:skip=CKV_AWS_76:the function logs each request with its route, status and duration
  count       = local.http ? 1 : 0
  api_id      = aws_apigatewayv2_api.this[0].id
  name        = var.stage
  auto_deploy = true
  tags        = var.tags

  default_route_settings {
    throttling_rate_limit  = var.throttle.rate_per_s
    throttling_burst_limit = var.throttle.burst
  }
}

# --- a REST API -----------------------------------------------------------------------------------------------

resource "aws_api_gateway_rest_api" "this" {
  count                        = local.rest ? 1 : 0
  name                         = var.name
  disable_execute_api_endpoint = var.domain != null
  tags                         = var.tags

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "proxy" {
  count       = local.rest ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_rest_api.this[0].root_resource_id
  path_part   = "{proxy+}"
}

locals {
  # The root and everything below it.
  resources = local.rest ? {
    root  = aws_api_gateway_rest_api.this[0].root_resource_id
    proxy = aws_api_gateway_resource.proxy[0].id
  } : {}
}

resource "aws_api_gateway_method" "this" {
  #checkov:skip=CKV_AWS_59:the function verifies tokens itself, and serves health and docs without one
  #checkov:skip=CKV2_AWS_53:the function validates requests, and says what is wrong
  for_each      = local.resources
  rest_api_id   = aws_api_gateway_rest_api.this[0].id
  resource_id   = each.value
  http_method   = "ANY"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "this" {
  for_each                = local.resources
  rest_api_id             = aws_api_gateway_rest_api.this[0].id
  resource_id             = each.value
  http_method             = aws_api_gateway_method.this[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = var.function_invoke_arn
}

resource "aws_api_gateway_deployment" "this" {
  count       = local.rest ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  triggers    = { redeployment = sha1(jsonencode([aws_api_gateway_method.this, aws_api_gateway_integration.this])) }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_76:the function logs each request with its route, status and duration
  #checkov:skip=CKV2_AWS_4:as CKV_AWS_76
  #checkov:skip=CKV_AWS_73:traces begin in the function, where `tracing` turns them on
  #checkov:skip=CKV_AWS_120:answers differ from one token and second to the next
  #checkov:skip=CKV2_AWS_51:callers are known by their tokens
  #checkov:skip=CKV2_AWS_29:a WAF costs by the hour; it can be attached from outside
  count         = local.rest ? 1 : 0
  rest_api_id   = aws_api_gateway_rest_api.this[0].id
  deployment_id = aws_api_gateway_deployment.this[0].id
  stage_name    = var.rest_stage
  tags          = var.tags
}

resource "aws_api_gateway_method_settings" "this" {
  #checkov:skip=CKV_AWS_225:answers differ from one token and second to the next
  count       = local.rest ? 1 : 0
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.this[0].stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.throttle.rate_per_s
    throttling_burst_limit = var.throttle.burst
  }
}
