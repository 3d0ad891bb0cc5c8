# Starts the timer at a rate: EventBridge Scheduler, or a rule.

# A tick that could not be started is not made up for: the next one does its work.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = var.function_name
  qualifier                    = var.function_qualifier
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [var.function_arn]
  }
}

resource "aws_iam_role" "scheduler" {
  count              = var.by == "scheduler" ? 1 : 0
  name               = "${var.name}-scheduler"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "scheduler" {
  count  = var.by == "scheduler" ? 1 : 0
  name   = "start-the-timer"
  role   = aws_iam_role.scheduler[0].name
  policy = data.aws_iam_policy_document.invoke.json
}

resource "aws_scheduler_schedule" "this" {
  count               = var.by == "scheduler" ? 1 : 0
  name                = var.name
  schedule_expression = var.every
  state               = var.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.function_arn
    role_arn = aws_iam_role.scheduler[0].arn

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  count               = var.by == "rule" ? 1 : 0
  name                = var.name
  schedule_expression = var.every
  state               = var.enabled ? "ENABLED" : "DISABLED"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  count     = var.by == "rule" ? 1 : 0
  rule      = aws_cloudwatch_event_rule.this[0].name
  target_id = "timer"
  arn       = var.function_arn
}

resource "aws_lambda_permission" "rule" {
  count         = var.by == "rule" ? 1 : 0
  statement_id  = "events"
  action        = "lambda:InvokeFunction"
  function_name = var.function_name
  qualifier     = var.function_qualifier
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[0].arn
}
