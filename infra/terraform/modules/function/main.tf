# One Lambda function with a role of its own, its log group, and the queues that feed it.
locals {
  # With SnapStart everything calls the alias: a snapshot is of a published version, and `$LATEST` has none.
  called = var.snap_start ? aws_lambda_alias.live[0].arn : aws_lambda_function.this.arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  # What its code calls: infra/permissions.yaml.
  dynamic "statement" {
    for_each = var.statements
    content {
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  dynamic "statement" {
    for_each = var.denials
    content {
      effect    = "Deny"
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  # What Lambda does in its name: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  dynamic "statement" {
    for_each = var.vpc == null ? [] : [1]
    content {
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  # What Lambda's pollers do in its name: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  dynamic "statement" {
    for_each = length(var.queues) == 0 ? [] : [1]
    content {
      actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [for queue in values(var.queues) : queue.arn]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [1]
    content {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }
  }

  # X-Ray knows no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
  dynamic "statement" {
    for_each = var.tracing ? [1] : []
    content {
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-function"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "what-it-calls"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

# What its owner lets it do beyond that, in a policy of its own.
resource "aws_iam_role_policy" "further" {
  count  = length(var.further_statements) == 0 ? 0 : 1
  name   = "what-its-tasks-call"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = var.further_statements })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = var.policy_arns
  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:queues have dead-letter queues of their own, and a tick that is lost is made up for by the next
  #checkov:skip=CKV_AWS_117:it talks to AWS's public endpoints by IAM; a VPC, which the worker may have, needs NAT or endpoints, which cost by the hour
  #checkov:skip=CKV_AWS_272:zips come from this repository's build; signing profiles are the operator's business
  function_name                  = var.name
  role                           = aws_iam_role.this.arn
  filename                       = var.zip
  layers                         = var.layers
  handler                        = var.plan.handler
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  timeout                        = var.plan.timeout_s
  memory_size                    = var.plan.memory_mb
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  publish                        = var.snap_start
  tags                           = var.tags

  dynamic "snap_start" {
    for_each = var.snap_start ? [1] : []
    content {
      apply_on = "PublishedVersions"
    }
  }

  environment {
    variables = var.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # Without its group Lambda would make one that is kept for ever, and without its policy a first message would fail.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this, aws_iam_role_policy.further, aws_iam_role_policy_attachment.this]
}

resource "aws_lambda_alias" "live" {
  count            = var.snap_start ? 1 : 0
  name             = "live"
  description      = "The version that is called; its snapshot is what a cold start begins with."
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = var.queues

  function_name           = local.called
  event_source_arn        = each.value.arn
  batch_size              = each.value.batch_size
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }
}
