# Alarms that each have a page in docs/operations/runbooks/, one topic that they notify, and a dashboard.
data "aws_caller_identity" "this" {}

locals {
  # The dimension that the functions' own metrics carry.
  ours = { service = "whendue" }

  lambda = { for name, function in var.functions : name => { FunctionName = function } }
  on_table = merge({ table = { TableName = var.table } }, {
    for name in var.indexes : "index_${name}" => { TableName = var.table, GlobalSecondaryIndexName = name }
  })

  # Alarm -> what it says, the metrics that it reads, and how it makes one number of them a minute.
  alarms = {
    due-jobs-late = {
      says       = "Jobs that are due are not handed to their queue: the timer is behind."
      expression = "MAX(METRICS())"
      missing    = "notBreaching"
      metrics    = { lag = { namespace = "whendue", name = "timer_lag_seconds", stat = "Maximum", dimensions = local.ours } }
    }
    queue-late = {
      says       = "Jobs wait in their queue: the worker or the notifier does not keep up."
      expression = "MAX(METRICS())"
      missing    = "notBreaching"
      metrics = { for name, queue in var.queues : name => {
        namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", stat = "Maximum", dimensions = { QueueName = queue }
      } }
    }
    dead-letters-stuck = {
      says       = "Messages stay in a dead-letter queue: the function dead_letter does not settle them."
      expression = "SUM(METRICS())"
      missing    = "notBreaching"
      metrics = { for name, queue in var.dead_letter_queues : name => {
        namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum", dimensions = { QueueName = queue }
      } }
    }
    jobs-dying = {
      says       = "Many jobs end dead."
      expression = "SUM(METRICS())"
      missing    = "notBreaching"
      metrics    = { dead = { namespace = "whendue", name = "jobs_dead", stat = "Sum", dimensions = local.ours } }
    }
    attempts-failing = {
      says       = "Most attempts fail: what jobs depend on is down."
      expression = "IF(attempts >= 20, 100 * FILL(failed, 0) / attempts, 0)"
      missing    = "notBreaching"
      metrics = {
        attempts = { namespace = "whendue", name = "attempts", stat = "Sum", dimensions = local.ours }
        failed   = { namespace = "whendue", name = "attempts_failed", stat = "Sum", dimensions = local.ours }
      }
    }
    functions-failing = {
      says       = "A function raises, runs out of time or memory, or cannot start."
      expression = "SUM(METRICS())"
      missing    = "notBreaching"
      metrics    = { for name, dimensions in local.lambda : name => { namespace = "AWS/Lambda", name = "Errors", stat = "Sum", dimensions = dimensions } }
    }
    timer-silent = {
      says       = "No tick of the timer has completed: delayed jobs, retries and schedules stand still."
      expression = "FILL(begun, 0) - FILL(failed, 0)"
      missing    = "breaching"
      metrics = {
        begun  = { namespace = "AWS/Lambda", name = "Invocations", stat = "Sum", dimensions = local.lambda["timer"] }
        failed = { namespace = "AWS/Lambda", name = "Errors", stat = "Sum", dimensions = local.lambda["timer"] }
      }
    }
    throttled = {
      says       = "AWS refuses calls: the account's concurrency or the table's throughput is used up."
      expression = "SUM(METRICS())"
      missing    = "notBreaching"
      metrics = merge(
        { for name, dimensions in local.lambda : name => { namespace = "AWS/Lambda", name = "Throttles", stat = "Sum", dimensions = dimensions } },
        { for name, dimensions in local.on_table : "${name}_reads" => { namespace = "AWS/DynamoDB", name = "ReadThrottleEvents", stat = "Sum", dimensions = dimensions } },
        { for name, dimensions in local.on_table : "${name}_writes" => { namespace = "AWS/DynamoDB", name = "WriteThrottleEvents", stat = "Sum", dimensions = dimensions } },
      )
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.every_alarm

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} Runbook: ${var.runbooks_url}/${each.value.kind}.md"
  comparison_operator = each.value.kind == "timer-silent" ? "LessThanOrEqualToThreshold" : "GreaterThanThreshold"
  threshold           = var.alarms[each.value.kind].above
  evaluation_periods  = var.alarms[each.value.kind].periods
  datapoints_to_alarm = var.alarms[each.value.kind].periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
  tags                = var.tags

  metric_query {
    id          = "result"
    label       = each.key
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = 60
      }
    }
  }
}

# Of each queue of one's own; below the alarms that every stack has.
locals {
  own_alarms = merge([
    for name, own in var.own_queues : {
      for kind, metric in {
        queue-late        = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", stat = "Maximum", dimensions = { QueueName = own.queue } }
        functions-failing = { namespace = "AWS/Lambda", name = "Errors", stat = "Sum", dimensions = { FunctionName = own.function } }
        throttled         = { namespace = "AWS/Lambda", name = "Throttles", stat = "Sum", dimensions = { FunctionName = own.function } }
      } : "${kind}-${name}" => merge(local.alarms[kind], { kind = kind, expression = "MAX(METRICS())", metrics = { own = metric } })
    }
  ]...)
  every_alarm = merge({ for name, alarm in local.alarms : name => merge(alarm, { kind = name }) }, local.own_alarms)
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.email == null ? 0 : 1
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = var.email
}
