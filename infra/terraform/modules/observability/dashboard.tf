# One page: are jobs late, do they fail, what is in the queues, what do the functions do, what does the table take.
locals {
  all_queues    = merge(var.queues, { for name, own in var.own_queues : name => own.queue })
  all_functions = merge(var.functions, { for name, own in var.own_queues : "worker-${name}" => own.function })

  charts = {
    "How far the timer is behind (s)" = [["whendue", "timer_lag_seconds", "service", "whendue", { stat = "Maximum" }]]
    "Attempts, failed ones, dead jobs" = [for name in ["attempts", "attempts_failed", "jobs_dead"] :
      ["whendue", name, "service", "whendue", { stat = "Sum" }]
    ]
    "Oldest message (s)" = [for name, queue in local.all_queues :
      ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, { stat = "Maximum", label = name }]
    ]
    "Messages waiting" = [for name, queue in merge(local.all_queues, var.dead_letter_queues) :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { stat = "Maximum", label = name }]
    ]
    "Function errors" = [for name, function in local.all_functions :
      ["AWS/Lambda", "Errors", "FunctionName", function, { stat = "Sum", label = name }]
    ]
    "Function duration, 99th percentile (ms)" = [for name, function in local.all_functions :
      ["AWS/Lambda", "Duration", "FunctionName", function, { stat = "p99", label = name }]
    ]
    "Functions running at once" = [for name, function in local.all_functions :
      ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function, { stat = "Maximum", label = name }]
    ]
    "Table's units" = [for name in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] :
      ["AWS/DynamoDB", name, "TableName", var.table, { stat = "Sum" }]
    ]
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm", x = 0, y = 0, width = 24, height = 3
        properties = { title = "Alarms", alarms = [for name in keys(local.every_alarm) : aws_cloudwatch_metric_alarm.this[name].arn] }
      }],
      [for number, title in keys(local.charts) : {
        type       = "metric", x = 12 * (number % 2), y = 3 + 6 * floor(number / 2), width = 12, height = 6
        properties = { title = title, region = var.region, view = "timeSeries", period = 60, metrics = local.charts[title] }
      }]
    )
  })
}
