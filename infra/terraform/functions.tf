# Layers and functions, from the zips that `make build` made, or `whendue build` in a project.
locals {
  permissions = yamldecode(file("${path.module}/../permissions.yaml"))
  manifest    = coalesce(var.build_manifest, "${path.module}/../../.local/build/manifest.json")

  # So that a plan shows everything before anything was built; `check.built` warns.
  zips = merge({ tasks = [], importing = [], architecture = null, uploaded = [] }, jsondecode(
    fileexists(local.manifest) ? file(local.manifest) : jsonencode({
      layers    = { for name in keys(local.topology.layers) : name => "layer-${name}-not-built.zip" }
      functions = { for name in keys(local.topology.functions) : name => "function-${name}-not-built.zip" }
    })
  ))

  secret_parameter     = coalesce(var.secret_parameter, "/${var.name}/secret")
  jwt_secret_parameter = var.jwt.algorithm != "HS256" ? null : coalesce(var.jwt.secret_parameter, "/${var.name}/jwt-secret")
  parameters           = "arn:${data.aws_partition.this.partition}:ssm:${local.account}:parameter"

  # What no job and no subscription may call, whatever the lists say.
  own_functions = sort([for name in keys(local.functions) : "${var.name}-${name}"])
  own_topics    = ["${var.name}-alarms"]

  environment = {
    WHENDUE_TABLE             = module.table.name
    WHENDUE_BUCKET            = module.bucket.name
    WHENDUE_QUEUES            = jsonencode({ for name in flatten(values(local.over)) : name => local.urls[name] })
    WHENDUE_DEAD_LETTER_QUEUE = local.urls["dead_letter"]
    # All functions derive the same ids. The value never passes through Terraform.
    WHENDUE_SECRET_PARAMETER = local.secret_parameter
    # Of no use to functions; workers in containers get the same settings.
    WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE = local.urls[local.queues.notifications.dead_letter]
    WHENDUE_SHARDS                          = tostring(local.shards)
    WHENDUE_VISIBILITY_S                    = tostring(local.visibility_s)
    WHENDUE_MAX_TIMEOUT_S                   = tostring(local.max_timeout_s)
    WHENDUE_OWN_QUEUES                      = length(local.own_queues) == 0 ? null : jsonencode(local.own_queues)
    WHENDUE_EMAIL_FROM                      = var.email.from
    WHENDUE_EMAIL_SENDERS                   = length(var.email.senders) == 0 ? null : jsonencode(var.email.senders)
    WHENDUE_EMAIL_RECIPIENTS                = length(var.email.recipients) == 0 ? null : jsonencode(var.email.recipients)
    WHENDUE_SNS_ALLOW                       = length(var.sns_allow) == 0 ? null : jsonencode(var.sns_allow)
    WHENDUE_LAMBDA_ALLOW                    = length(var.lambda_allow) == 0 ? null : jsonencode(var.lambda_allow)
    WHENDUE_OWN_FUNCTIONS                   = join(",", local.own_functions)
    WHENDUE_OWN_TOPICS                      = length(var.sns_allow) == 0 ? null : join(",", local.own_topics)
    POWERTOOLS_SERVICE_NAME                 = "whendue"
  }
  # Of a project: all functions know its packages of tasks; those that its build names import them.
  task_packages = { WHENDUE_TASKS = length(local.zips.tasks) == 0 ? null : join(",", local.zips.tasks) }
  # Names alone: the worker reads the values when it starts (docs/guide/dependencies-and-secrets.md).
  secret_environment = {
    WHENDUE_TASK_SECRETS = length(var.secrets) == 0 ? null : jsonencode({
      for name, source in var.secrets : name => source.ssm != null ? "ssm:${source.ssm}" : "secretsmanager:${source.secretsmanager}"
    })
  }
  # Function -> what a project adds to its variables.
  project_environment = {
    for function in keys(local.functions) : function => {
      for name, value in merge(
        local.task_packages,
        contains(local.zips.importing, local.functions[function].code) ? var.task_environment : {},
        local.functions[function].code == "worker" ? local.secret_environment : {},
      ) : name => value if value != null
    }
  }
  # Only the API verifies tokens.
  jwt_environment = {
    WHENDUE_JWT_ALGORITHM        = var.jwt.algorithm
    WHENDUE_JWT_ISSUER           = var.jwt.issuer
    WHENDUE_JWT_AUDIENCE         = var.jwt.audience
    WHENDUE_JWT_JWKS_URL         = var.jwt.jwks_url
    WHENDUE_JWT_SECRET_PARAMETER = local.jwt_secret_parameter
  }

  # Function -> all of its variables. Of whendue's own, nothing and null are one; what a user sets is kept as it is.
  function_environment = {
    for function in keys(local.functions) : function => merge(
      { for name, value in merge(local.environment, function == "api" ? local.jwt_environment : {}) : name => try(length(value), 1) == 0 ? null : value },
      local.project_environment[function],
      var.environment,
    )
  }
  # How large they are, before there is anything: AWS makes names of known length. Lambda measures the JSON text, as the
  # error that it gives shows. Bytes, which length() does not count, and without Terraform's escapes.
  queue_names = flatten([keys(local.over), [for names in values(local.over) : names]])
  likely_urls = { for name in local.queue_names : name => "https://sqs.${var.region}.${data.aws_partition.this.dns_suffix}/${data.aws_caller_identity.this.account_id}/${var.name}-${name}" }
  likely_environment = {
    WHENDUE_BUCKET                          = "${var.name}-payloads-${data.aws_caller_identity.this.account_id}"
    WHENDUE_QUEUES                          = jsonencode({ for name in flatten(values(local.over)) : name => local.likely_urls[name] })
    WHENDUE_DEAD_LETTER_QUEUE               = local.likely_urls["dead_letter"]
    WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE = local.likely_urls[local.queues.notifications.dead_letter]
  }
  environment_json = {
    for function, variables in local.function_environment : function => replace(replace(replace(
      jsonencode({ for name, value in merge(variables, local.likely_environment) : name => value if value != null }),
      "\\u003c", "<"), "\\u003e", ">"), "\\u0026", "&"
    )
  }
  environment_limit = 4096
  environment_bytes = { for function, text in local.environment_json : function => floor(length(replace(base64encode(text), "=", "")) * 3 / 4) }
  oversized         = [for function, bytes in local.environment_bytes : "${function} has ${bytes}" if bytes > local.environment_limit]

  account = "${var.region}:${data.aws_caller_identity.this.account_id}"
  # Beside the check in the code: a pattern of the lists that matches the stack's own is of no use. By word and action.
  denied = {
    invoked = flatten([for name in local.own_functions : [for end in ["", ":*"] : "arn:${data.aws_partition.this.partition}:lambda:${local.account}:function:${name}${end}"]])
    topics  = [for name in local.own_topics : "arn:${data.aws_partition.this.partition}:sns:${local.account}:${name}"]
  }

  # The words of permissions.yaml -> ARNs; what is not configured has none.
  resources = {
    table         = [module.table.arn]
    index         = ["${module.table.arn}/index/${local.topology.table.indexes[0].name}"]
    tenant_index  = ["${module.table.arn}/index/${local.topology.table.indexes[1].name}"]
    payloads      = ["${module.bucket.arn}/payload/*"]
    results       = ["${module.bucket.arn}/result/*"]
    jobs          = [for name in local.over.dead_letter : local.arns[name]]
    notifications = [local.arns[local.queues.notifications.queue]]
    mail          = var.email.identity_arns
    topics        = distinct(flatten(values(var.sns_allow)))
    itself        = ["arn:${data.aws_partition.this.partition}:lambda:${local.account}:function:${var.name}-timer"]
    invoked       = distinct(flatten(values(var.lambda_allow)))
    secret        = ["${local.parameters}${local.secret_parameter}"]
    jwt_secret    = [for name in local.jwt_secret_parameter[*] : "${local.parameters}${name}"]

    task_parameters = [for source in values(var.secrets) : "${local.parameters}${source.ssm}" if source.ssm != null]
    # Six characters of the Secrets Manager's end each ARN:
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
    task_secrets = [for source in values(var.secrets) : "arn:${data.aws_partition.this.partition}:secretsmanager:${local.account}:secret:${source.secretsmanager}-??????" if source.secretsmanager != null]
  }
}

locals {
  denials = {
    for function, words in local.permissions : function => [
      for word, actions in words : { actions = actions, resources = local.denied[word] }
      if contains(keys(local.denied), word) && length(local.resources[word]) > 0
    ]
  }
}

check "built" {
  assert {
    condition     = fileexists(local.manifest)
    error_message = "Nothing is built that could be deployed: run `make build` first, or `whendue build` in a project."
  }
}

# Lambda would run code of another processor, and each invocation would fail.
resource "terraform_data" "architecture" {
  lifecycle {
    precondition {
      condition     = local.architecture == coalesce(local.zips.architecture, local.architecture)
      error_message = "The build is for ${coalesce(local.zips.architecture, local.architecture)}, and `architecture` is ${local.architecture}: leave the variable out, or build for that processor."
    }
  }
}

resource "terraform_data" "environment" {
  lifecycle {
    precondition {
      condition     = length(local.oversized) == 0
      error_message = "Lambda takes ${local.environment_limit} bytes of variables for a function, measured as JSON (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html): ${join(", ", local.oversized)}. Keep long values of task_environment in a parameter that secrets names, or in a file of the project."
    }
  }
}

# Lambda takes 50 MB with the request: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
resource "aws_s3_object" "layer" {
  for_each = { for name, zip in local.zips.layers : name => zip if contains(local.zips.uploaded, zip) }

  bucket = module.bucket.name
  key    = "build/${each.value}"
  source = "${dirname(local.manifest)}/${each.value}"
  tags   = local.tags
}

resource "aws_lambda_layer_version" "this" {
  # A build for LocalStack has none: everything is in the functions' zips.
  for_each = { for name, zip in local.zips.layers : name => zip }

  layer_name               = "${var.name}-${each.key}"
  filename                 = contains(local.zips.uploaded, each.value) ? null : "${dirname(local.manifest)}/${each.value}"
  s3_bucket                = try(aws_s3_object.layer[each.key].bucket, null)
  s3_key                   = try(aws_s3_object.layer[each.key].key, null)
  compatible_runtimes      = [local.topology.runtime.python]
  compatible_architectures = [local.architecture]
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name         = "${var.name}-${each.key}"
  tags         = local.tags
  plan         = each.value
  runtime      = local.topology.runtime.python
  architecture = local.architecture
  zip          = "${dirname(local.manifest)}/${local.zips.functions[each.value.code]}"
  layers = [
    for name in concat(["dependencies", "core"], contains(local.zips.importing, each.value.code) ? ["project"] : []) : aws_lambda_layer_version.this[name].arn
    if contains(keys(local.zips.layers), name)
  ]
  environment = { for name, value in local.function_environment[each.key] : name => value if value != null }
  statements = [
    for word, actions in local.permissions[each.value.code] : { actions = actions, resources = local.resources[word] }
    if length(local.resources[word]) > 0
  ]
  denials              = local.denials[each.value.code]
  further_statements   = [for statement in var.worker_statements : statement if each.value.code == "worker"]
  policy_arns          = each.value.code == "worker" ? var.worker_policy_arns : {}
  vpc                  = each.value.code == "worker" ? var.vpc : null
  reserved_concurrency = local.reserved[each.key]
  queues               = local.feeds[each.key]
  log_retention_days   = local.retention
  tracing              = var.tracing
  snap_start           = var.snap_start
  kms_key_arn          = var.kms_key_arn
}

# With less, batches are throttled: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
resource "terraform_data" "reserved" {
  lifecycle {
    precondition {
      condition     = var.worker_reserved_concurrency == null || coalesce(var.worker_reserved_concurrency, 1000000) >= sum([for queue in values(local.feeds["worker"]) : queue.maximum_concurrency])
      error_message = "worker_reserved_concurrency must be the sum of the queues' maximum concurrency at least: worker_concurrency of each queue, or what queue_settings says."
    }
  }
}

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: with less, a throttled batch comes twice.
resource "terraform_data" "visibility" {
  lifecycle {
    precondition {
      condition     = var.emulator || local.visibility_s >= 6 * max([for name in keys(local.triggers) : local.functions[name].timeout_s]...)
      error_message = "visibility_s must be six times the slowest queue-fed function's timeout at least."
    }
  }
}
