# whendue on AWS. What it is made of stands in infra/topology.yaml, what its functions may do in infra/permissions.yaml;
# the local deploy (localstack/) reads the same topology.
data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  # On each resource, as a module cannot say what its root's provider puts on all of them.
  tags = merge({ application = "whendue", stack = var.name }, var.tags)

  topology     = yamldecode(file("${path.module}/../topology.yaml"))
  queues       = local.topology.queues
  retention    = coalesce(var.log_retention_days, local.topology.logs.retention_days)
  visibility_s = coalesce(var.visibility_s, local.queues.visibility_s)
  shards       = coalesce(var.shards, local.topology.due_index.shards)
  flavor       = coalesce(var.api_flavor, local.topology.api.flavor)
  architecture = coalesce(var.architecture, local.zips.architecture, local.topology.runtime.architecture)

  # Queues of one's own, with all their properties.
  own_queues = {
    for name, queue in merge(local.queues.own, var.own_queues) : name => merge(local.queues.own_default, { for property, value in queue : property => value if value != null })
  }

  # The functions, with what variables say of the worker, and the workers of queues of one's own; `code` is whose code and
  # permissions they have.
  functions = merge(
    {
      for name, plan in local.topology.functions : name => merge(plan, { code = name }, name != "worker" ? {} : {
        timeout_s                                                             = coalesce(var.worker_timeout_s, plan.timeout_s)
        memory_mb                                                             = coalesce(var.worker_memory_mb, plan.memory_mb)
      })
    },
    {
      for name, queue in local.own_queues : "worker-${name}" => merge(local.topology.functions.worker, {
        code      = "worker"
        timeout_s = queue.timeout_s
        memory_mb = queue.memory_mb
      })
    },
  )
  # The longest attempt that a worker can keep.
  max_timeout_s = local.functions["worker"].timeout_s - local.topology.attempts.reserve_s

  # Dead-letter queue -> the queues over it.
  over = {
    dead_letter                              = concat(local.queues.priorities, sort(keys(local.own_queues)))
    (local.queues.notifications.dead_letter) = [local.queues.notifications.queue]
  }
  urls = merge([for group in module.queues : group.urls]...)
  arns = merge([for group in module.queues : group.arns]...)

  # Function -> its queue trigger.
  triggers = merge(
    {
      for trigger in values(local.topology.triggers) : trigger.function => merge(trigger, trigger.function != "worker" ? {} : {
        maximum_concurrency = coalesce(var.worker_concurrency, trigger.maximum_concurrency)
      }) if can(trigger.queues)
    },
    {
      for name, queue in local.own_queues : "worker-${name}" => {
        function            = "worker-${name}"
        queues              = [name]
        batch_size          = queue.batch_size
        maximum_concurrency = queue.maximum_concurrency
      }
    },
  )
  # Function -> the queues that feed it, and how.
  feeds = {
    for function in keys(local.functions) : function => {
      for queue in try(local.triggers[function].queues, []) : queue => {
        arn        = local.arns[queue]
        batch_size = coalesce(try(var.queue_settings[queue].batch_size, null), local.triggers[function].batch_size)
        maximum_concurrency = min(
          coalesce(try(var.queue_settings[queue].maximum_concurrency, null), local.triggers[function].maximum_concurrency),
          var.emulator ? local.topology.local.maximum_concurrency : 1000
        )
      }
    }
  }
  # Function -> its reserved concurrency; -1 for none.
  reserved = {
    for name, plan in local.functions : name => name == "worker" ? coalesce(var.worker_reserved_concurrency, -1) : var.reserve_timer ? try(plan.reserved_concurrency, -1) : -1
  }
}

module "table" {
  source = "./modules/table"

  name              = "${var.name}-jobs"
  tags              = local.tags
  plan              = local.topology.table
  keep_former_index = var.upgrading
  kms_key_arn       = var.kms_key_arn
  protect           = var.protect
  warm_throughput   = var.warm_throughput
}

module "bucket" {
  source = "./modules/bucket"

  name         = "${var.name}-payloads-${data.aws_caller_identity.this.account_id}"
  tags         = local.tags
  expire_days  = local.topology.bucket.expire_days
  lifecycle_on = var.bucket_lifecycle
  kms_key_arn  = var.kms_key_arn
  protect      = var.protect
}

module "queues" {
  source   = "./modules/queues"
  for_each = local.over

  prefix            = var.name
  tags              = local.tags
  names             = each.value
  dead_letter       = each.key
  visibility_s      = local.visibility_s
  retention_s       = local.queues.retention_s
  max_receive_count = local.queues.max_receive_count
  dead_letter_plan  = local.queues.dead_letter
  kms_key_arn       = var.kms_key_arn
}

module "timer" {
  source = "./modules/timer"

  name          = "${var.name}-tick"
  tags          = local.tags
  by            = var.timer.by
  enabled       = var.timer.enabled
  every         = local.topology.triggers.timer.every
  function_name = module.function["timer"].name
  function_arn  = module.function["timer"].arn
  account_id    = data.aws_caller_identity.this.account_id

  function_qualifier = module.function["timer"].qualifier
}

module "api" {
  source = "./modules/api"

  name                = var.name
  tags                = local.tags
  flavor              = local.flavor
  stage               = local.topology.api.stage
  rest_stage          = local.topology.api.rest_stage
  throttle            = var.api_throttle
  domain              = var.domain
  function_name       = module.function["api"].name
  function_arn        = module.function["api"].arn
  function_invoke_arn = module.function["api"].invoke_arn
  function_qualifier  = module.function["api"].qualifier
}

module "observability" {
  source = "./modules/observability"
  count  = var.observability ? 1 : 0

  name               = var.name
  tags               = local.tags
  region             = var.region
  alarms             = local.topology.alarms
  functions          = { for name in keys(local.topology.functions) : name => module.function[name].name }
  queues             = { for name in concat(local.queues.priorities, [local.queues.notifications.queue]) : name => "${var.name}-${name}" }
  dead_letter_queues = { for name in keys(local.over) : name => "${var.name}-${name}" }
  own_queues         = { for name in keys(local.own_queues) : name => { queue = "${var.name}-${name}", function = module.function["worker-${name}"].name } }
  table              = module.table.name
  indexes            = [for index in local.topology.table.indexes : index.name]
  email              = var.alarm_email
  runbooks_url       = var.runbooks_url
  kms_key_arn        = var.kms_key_arn
}

resource "aws_budgets_budget" "this" {
  count        = var.monthly_budget_usd == null ? 0 : 1
  name         = "${var.name}-cost"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  tags         = local.tags

  # Runbook: docs/operations/runbooks/cost.md. The tag must be activated for cost allocation first.
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:stack$%s", var.name)]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }
    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = notification.key
      subscriber_email_addresses = var.alarm_email == null ? [] : [var.alarm_email]
      subscriber_sns_topic_arns  = module.observability[*].topic_arn
    }
  }
}
