# Layers and functions, from the zips that `make build` made.
locals {
  permissions = yamldecode(file("${path.module}/../permissions.yaml"))
  manifest    = coalesce(var.build_manifest, "${path.module}/../../.local/build/manifest.json")

  # So that a plan shows everything before anything was built; `check.built` warns.
  zips = fileexists(local.manifest) ? jsondecode(file(local.manifest)) : {
    layers    = { for name in keys(local.topology.layers) : name => "layer-${name}-not-built.zip" }
    functions = { for name in keys(local.topology.functions) : name => "function-${name}-not-built.zip" }
  }

  secret_parameter = var.jwt.algorithm != "HS256" ? null : coalesce(var.jwt.secret_parameter, "/${var.name}/jwt-secret")

  environment = {
    WHENDUE_TABLE             = module.table.name
    WHENDUE_BUCKET            = module.bucket.name
    WHENDUE_QUEUES            = jsonencode({ for name in flatten(values(local.over)) : name => local.urls[name] })
    WHENDUE_DEAD_LETTER_QUEUE = local.urls["dead_letter"]
    # Of no use to functions; workers in containers get the same settings.
    WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE = local.urls[local.queues.notifications.dead_letter]
    WHENDUE_VISIBILITY_S                    = tostring(local.visibility_s)
    WHENDUE_MAX_TIMEOUT_S                   = tostring(local.max_timeout_s)
    WHENDUE_EMAIL_FROM                      = var.email.from
    WHENDUE_EMAIL_RECIPIENTS                = length(var.email.recipients) == 0 ? null : jsonencode(var.email.recipients)
    WHENDUE_SNS_ALLOW                       = length(var.sns_allow) == 0 ? null : jsonencode(var.sns_allow)
    WHENDUE_LAMBDA_ALLOW                    = join(",", var.lambda_allow)
    POWERTOOLS_SERVICE_NAME                 = "whendue"
  }
  # Only the API verifies tokens.
  jwt_environment = {
    WHENDUE_JWT_ALGORITHM        = var.jwt.algorithm
    WHENDUE_JWT_ISSUER           = var.jwt.issuer
    WHENDUE_JWT_AUDIENCE         = var.jwt.audience
    WHENDUE_JWT_JWKS_URL         = var.jwt.jwks_url
    WHENDUE_JWT_SECRET_PARAMETER = local.secret_parameter
  }

  # The words of permissions.yaml -> ARNs; what is not configured has none.
  resources = {
    table         = [module.table.arn]
    index         = ["${module.table.arn}/index/${local.topology.table.index.name}"]
    payloads      = ["${module.bucket.arn}/payload/*"]
    results       = ["${module.bucket.arn}/result/*"]
    jobs          = [for name in local.queues.priorities : local.arns[name]]
    notifications = [local.arns[local.queues.notifications.queue]]
    mail          = var.email.identity_arns
    topics        = distinct(flatten(values(var.sns_allow)))
    invoked       = var.lambda_allow
    jwt_secret    = [for name in local.secret_parameter[*] : "arn:${data.aws_partition.this.partition}:ssm:${var.region}:${data.aws_caller_identity.this.account_id}:parameter${name}"]
  }
}

check "built" {
  assert {
    condition     = fileexists(local.manifest)
    error_message = "Nothing is built that could be deployed: run `make build` first."
  }
}

resource "aws_lambda_layer_version" "this" {
  for_each = local.topology.layers

  layer_name               = "${var.name}-${each.key}"
  filename                 = "${dirname(local.manifest)}/${local.zips.layers[each.key]}"
  compatible_runtimes      = [local.topology.runtime.python]
  compatible_architectures = [local.architecture]
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name         = "${var.name}-${each.key}"
  plan         = each.value
  runtime      = local.topology.runtime.python
  architecture = local.architecture
  zip          = "${dirname(local.manifest)}/${local.zips.functions[each.key]}"
  layers       = [for name in ["dependencies", "core"] : aws_lambda_layer_version.this[name].arn]
  environment = {
    for name, value in merge(local.environment, each.key == "api" ? local.jwt_environment : {}, var.environment) :
    name => value if value != null && value != ""
  }
  statements = [
    for word, actions in local.permissions[each.key] : { actions = actions, resources = local.resources[word] }
    if length(local.resources[word]) > 0
  ]
  reserved_concurrency = var.reserve_timer ? try(each.value.reserved_concurrency, -1) : -1
  queues               = { for queue in try(local.triggers[each.key].queues, []) : queue => local.arns[queue] }
  batch_size           = try(local.triggers[each.key].batch_size, null)
  maximum_concurrency = try(
    var.emulator ? min(local.topology.local.maximum_concurrency, local.triggers[each.key].maximum_concurrency) : local.triggers[each.key].maximum_concurrency,
    null
  )
  log_retention_days = local.retention
  tracing            = var.tracing
  kms_key_arn        = var.kms_key_arn
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
