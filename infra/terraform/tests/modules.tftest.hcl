# Each module on its own: what it makes of what it is given.

variables {
  tags = { team = "jobs" }
}

run "table" {
  command = plan

  module {
    source = "./modules/table"
  }

  variables {
    name = "t"
    plan = {
      key = [{ name = "pk", type = "S" }, { name = "sk", type = "S" }]
      indexes = [
        { name = "due_2", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] },
        { name = "tenant", key = [{ name = "tenant_pk", type = "S" }, { name = "created_at", type = "N" }], include = ["type"] },
      ]
      former_index = { name = "due", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] }
      ttl          = "expires_at"
    }
    keep_former_index = false
    kms_key_arn       = null
    protect           = true
  }

  assert {
    condition     = aws_dynamodb_table.this.tags == var.tags
    error_message = "What takes tags has those that are handed over."
  }
  assert {
    condition     = aws_dynamodb_table.this.hash_key == "pk" && aws_dynamodb_table.this.range_key == "sk"
    error_message = "The partition key comes first."
  }
  assert {
    condition     = toset([for index in aws_dynamodb_table.this.global_secondary_index : "${index.name} ${index.hash_key} ${index.range_key}"]) == toset(["due_2 due_pk check_at", "tenant tenant_pk created_at"])
    error_message = "There are two indexes; of each the partition key comes first, whatever the alphabet says."
  }
  assert {
    condition     = length(aws_dynamodb_table.this.attribute) == 6
    error_message = "Each attribute of a key is declared once."
  }
  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "The table can be brought back, and not be lost by mistake."
  }
}

run "an_upgrade_keeps_the_former_index" {
  command = plan

  module {
    source = "./modules/table"
  }

  variables {
    name = "t"
    plan = {
      key = [{ name = "pk", type = "S" }, { name = "sk", type = "S" }]
      indexes = [
        { name = "due_2", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] },
        { name = "tenant", key = [{ name = "tenant_pk", type = "S" }, { name = "created_at", type = "N" }], include = ["type"] },
      ]
      former_index = { name = "due", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] }
      ttl          = "expires_at"
    }
    keep_former_index = true
    kms_key_arn       = null
    protect           = true
  }

  assert {
    condition     = toset(aws_dynamodb_table.this.global_secondary_index[*].name) == toset(["due", "due_2", "tenant"])
    error_message = "What the functions of the version before read stays until they are replaced."
  }
}

run "a_table_that_is_warm" {
  command = plan

  module {
    source = "./modules/table"
  }

  variables {
    name              = "t"
    plan              = { key = [{ name = "pk", type = "S" }, { name = "sk", type = "S" }], indexes = [{ name = "due_2", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] }], former_index = { name = "due", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] }, ttl = "expires_at" }
    keep_former_index = false
    kms_key_arn       = null
    protect           = true
    warm_throughput   = { reads_per_s = 40000, writes_per_s = 20000 }
  }

  assert {
    condition     = one(aws_dynamodb_table.this.warm_throughput).write_units_per_second == 20000 && one(one(aws_dynamodb_table.this.global_secondary_index).warm_throughput).read_units_per_second == 40000
    error_message = "Table and index are both warm."
  }
}

run "a_no_for_a_type_is_refused" {
  command         = plan
  expect_failures = [var.plan]

  module {
    source = "./modules/table"
  }

  variables {
    name = "t"
    plan = {
      key = [{ name = "pk", type = "S" }, { name = "sk", type = "S" }]
      indexes = [
        { name = "due_2", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = false }], include = ["due_at"] },
        { name = "tenant", key = [{ name = "tenant_pk", type = "S" }, { name = "created_at", type = "N" }], include = ["type"] },
      ]
      former_index = { name = "due", key = [{ name = "due_pk", type = "S" }, { name = "check_at", type = "N" }], include = ["due_at"] }
      ttl          = "expires_at"
    }
    keep_former_index = false
    kms_key_arn       = null
    protect           = true
  }
}

run "bucket" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name         = "b"
    expire_days  = 500
    lifecycle_on = true
    kms_key_arn  = null
    protect      = true
  }

  assert {
    condition     = aws_s3_bucket.this.tags == var.tags
    error_message = "What takes tags has those that are handed over."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this[0].rule[0].expiration[0].days == 500
    error_message = "What lies there expires as the topology says."
  }
  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "A bucket with something in it is not deleted."
  }
}

run "queues" {
  command = plan

  module {
    source = "./modules/queues"
  }

  variables {
    prefix            = "p"
    names             = ["high", "low"]
    dead_letter       = "dead_letter"
    visibility_s      = 360
    retention_s       = 1209600
    max_receive_count = 10
    dead_letter_plan  = { visibility_s = 60, retention_s = 1209600 }
    kms_key_arn       = null
  }

  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), [aws_sqs_queue.dead_letter]) : queue.tags == var.tags])
    error_message = "What takes tags has those that are handed over."
  }
  assert {
    condition     = { for name, queue in aws_sqs_queue.this : name => queue.visibility_timeout_seconds } == { high = 360, low = 360 }
    error_message = "Both have the visibility timeout."
  }
  assert {
    condition     = alltrue([for queue in aws_sqs_queue.this : queue.sqs_managed_sse_enabled])
    error_message = "Without a key of one's own, SQS encrypts."
  }
}

run "function" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "f"
    plan                 = { handler = "h", timeout_s = 60, memory_mb = 512 }
    runtime              = "python3.13"
    architecture         = "arm64"
    zip                  = "f.zip"
    layers               = []
    environment          = {}
    statements           = [{ actions = ["dynamodb:Query"], resources = ["arn:aws:dynamodb:us-east-1:123456789012:table/t"] }]
    reserved_concurrency = 1
    queues               = { low = { arn = "arn:aws:sqs:us-east-1:123456789012:low", batch_size = 10, maximum_concurrency = 50 } }
    log_retention_days   = 30
    tracing              = false
    kms_key_arn          = null
  }

  assert {
    condition     = aws_lambda_function.this.tags == var.tags && aws_iam_role.this.tags == var.tags && aws_cloudwatch_log_group.this.tags == var.tags && aws_lambda_event_source_mapping.this["low"].tags == var.tags
    error_message = "What takes tags has those that are handed over."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this["low"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A batch's good messages are not delivered again for the bad one."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this["low"].scaling_config[0].maximum_concurrency == 50
    error_message = "The queue does not take the whole account's concurrency."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Logs do not pile up."
  }
  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "PassThrough"
    error_message = "Traces are off unless asked for."
  }
  assert {
    condition     = length(aws_lambda_function.this.snap_start) == 0 && length(aws_lambda_alias.live) == 0 && output.qualifier == null
    error_message = "Without SnapStart there are no versions, and the function itself is called."
  }
}

run "function_from_a_snapshot" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "f"
    plan                 = { handler = "h", timeout_s = 60, memory_mb = 512 }
    runtime              = "python3.13"
    architecture         = "arm64"
    zip                  = "f.zip"
    layers               = []
    environment          = {}
    statements           = [{ actions = ["dynamodb:Query"], resources = ["arn:aws:dynamodb:us-east-1:123456789012:table/t"] }]
    reserved_concurrency = 1
    queues               = { low = { arn = "arn:aws:sqs:us-east-1:123456789012:low", batch_size = 10, maximum_concurrency = 50 } }
    log_retention_days   = 30
    tracing              = false
    snap_start           = true
    kms_key_arn          = null
  }

  assert {
    condition     = aws_lambda_function.this.snap_start[0].apply_on == "PublishedVersions" && aws_lambda_function.this.publish
    error_message = "A snapshot is made of each version, so each change publishes one."
  }
  assert {
    condition     = aws_lambda_alias.live[0].function_name == "f" && output.qualifier == "live"
    error_message = "The alias is what is called."
  }
}

run "scheduler" {
  command = plan

  module {
    source = "./modules/timer"
  }

  variables {
    name          = "tick"
    by            = "scheduler"
    every         = "rate(1 minute)"
    enabled       = true
    function_name = "f"
    function_arn  = "arn:aws:lambda:us-east-1:123456789012:function:f"
    account_id    = "123456789012"
  }

  assert {
    condition     = aws_iam_role.scheduler[0].tags == var.tags
    error_message = "What takes tags has those that are handed over."
  }
  assert {
    condition     = aws_scheduler_schedule.this[0].flexible_time_window[0].mode == "OFF" && length(aws_cloudwatch_event_rule.this) == 0
    error_message = "The schedule is exact, and there is no rule beside it."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.this.qualifier == null
    error_message = "Without SnapStart the function itself is called."
  }
}

run "scheduler_of_an_alias" {
  command = plan

  module {
    source = "./modules/timer"
  }

  variables {
    name               = "tick"
    by                 = "rule"
    every              = "rate(1 minute)"
    enabled            = true
    function_name      = "f"
    function_arn       = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
    function_qualifier = "live"
    account_id         = "123456789012"
  }

  assert {
    condition     = aws_lambda_permission.rule[0].qualifier == "live" && aws_lambda_function_event_invoke_config.this.qualifier == "live"
    error_message = "Permission and retries are those of what is called."
  }
  assert {
    condition     = endswith(aws_cloudwatch_event_target.this[0].arn, ":f:live")
    error_message = "The alias is called."
  }
  assert {
    condition     = endswith(one(data.aws_iam_policy_document.invoke.statement[0].resources), ":f:live")
    error_message = "The scheduler's role may call the alias: a function's own ARN does not cover it."
  }
}

run "a_function_of_a_project" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "f"
    plan                 = { handler = "h", timeout_s = 60, memory_mb = 512 }
    runtime              = "python3.13"
    architecture         = "arm64"
    zip                  = "f.zip"
    layers               = []
    environment          = {}
    statements           = []
    further_statements   = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = ["*"] }]
    policy_arns          = { reading = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }
    vpc                  = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    reserved_concurrency = -1
    queues               = {}
    log_retention_days   = 30
    tracing              = false
    kms_key_arn          = null
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.further[0].policy).Statement[0].Action == ["s3:GetObject"]
    error_message = "What its owner allows is a policy of its own, in the owner's words."
  }
  assert {
    condition     = aws_iam_role_policy_attachment.this["reading"].policy_arn == "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    error_message = "Managed policies are attached."
  }
  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-1"])
    error_message = "It runs in the subnets."
  }
  assert {
    condition     = anytrue([for statement in data.aws_iam_policy_document.this.statement : contains(statement.actions, "ec2:CreateNetworkInterface")])
    error_message = "Lambda may make its network interfaces."
  }
}

run "a_function_of_no_project" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name                 = "f"
    plan                 = { handler = "h", timeout_s = 60, memory_mb = 512 }
    runtime              = "python3.13"
    architecture         = "arm64"
    zip                  = "f.zip"
    layers               = []
    environment          = {}
    statements           = []
    reserved_concurrency = -1
    queues               = {}
    log_retention_days   = 30
    tracing              = false
    kms_key_arn          = null
  }

  assert {
    condition     = length(aws_iam_role_policy.further) == 0 && length(aws_iam_role_policy_attachment.this) == 0 && length(aws_lambda_function.this.vpc_config) == 0
    error_message = "Nothing is allowed that nobody asked for."
  }
}
