# --- where and under which names ------------------------------------------------------------------------------

variable "name" {
  description = "Begins every resource's name, so that several stacks live side by side in an account."
  type        = string
  default     = "whendue"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.name))
    error_message = "name is 2 to 25 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "region" {
  description = "The AWS region of everything."
  type        = string
  default     = "us-east-1"
}

variable "tags" {
  description = "Tags of every resource that takes some, in addition to `application` and `stack`."
  type        = map(string)
  default     = {}
}

variable "emulator" {
  description = "The target is an emulator: no checks of credentials, and as much concurrency as a laptop has."
  type        = bool
  default     = false
}

variable "build_manifest" {
  description = "The file that `make build` or `whendue build` wrote; it names the zips of layers and functions in its folder. Default: .local/build/manifest.json"
  type        = string
  default     = null
}

variable "upgrading" {
  description = "Keep the index of the version before beside the new ones, until all functions and workers are new."
  type        = bool
  default     = false
}

# --- how it is reached ----------------------------------------------------------------------------------------

variable "api_flavor" {
  description = "`http` (HTTP API) or `rest` (REST API); null: as the topology says."
  type        = string
  default     = null

  validation {
    condition     = var.api_flavor == null || contains(["http", "rest"], coalesce(var.api_flavor, "http"))
    error_message = "api_flavor is http or rest."
  }
}

variable "api_throttle" {
  description = "Requests a second that the API accepts: the sustained rate, and the burst."
  type        = object({ rate_per_s = number, burst = number })
  default     = { rate_per_s = 200, burst = 400 }

  validation {
    condition     = var.api_throttle.rate_per_s >= 1 && var.api_throttle.burst >= 1
    error_message = "api_throttle lets at least one request a second through."
  }
}

variable "domain" {
  description = "A domain of your own for the API, with its ACM certificate in the same region. Null: API Gateway's address."
  type        = object({ name = string, certificate_arn = string })
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^arn:aws[a-z-]*:acm:", var.domain.certificate_arn))
    error_message = "domain.certificate_arn is the ARN of an ACM certificate."
  }
}

variable "secret_parameter" {
  description = "The SSM parameter (SecureString) with the deployment's secret (docs/reference/configuration.md); null: /NAME/secret."
  type        = string
  default     = null

  validation {
    condition     = var.secret_parameter == null || can(regex("^/[a-zA-Z0-9_./-]+$", var.secret_parameter))
    error_message = "secret_parameter is the full name of an SSM parameter; it begins with a slash."
  }
}

variable "jwt" {
  description = "How tokens are verified (docs/reference/authentication.md). HS256 takes its secret from an SSM parameter, by default /NAME/jwt-secret."
  type = object({
    algorithm        = optional(string, "HS256")
    issuer           = optional(string, "whendue")
    audience         = optional(string, "whendue")
    jwks_url         = optional(string)
    secret_parameter = optional(string)
  })
  default = {}

  validation {
    condition     = contains(["HS256", "RS256", "ES256", "EdDSA"], var.jwt.algorithm)
    error_message = "jwt.algorithm is HS256, RS256, ES256 or EdDSA."
  }
  validation {
    condition     = var.jwt.algorithm == "HS256" ? var.jwt.jwks_url == null : can(regex("^https://", var.jwt.jwks_url))
    error_message = "jwt.jwks_url is an https URL where the algorithm is not HS256, and nothing where it is."
  }
  validation {
    condition     = var.jwt.secret_parameter == null || can(regex("^/[a-zA-Z0-9_./-]+$", var.jwt.secret_parameter))
    error_message = "jwt.secret_parameter is the full name of an SSM parameter; it begins with a slash."
  }
}

# --- how it runs ----------------------------------------------------------------------------------------------

variable "timer" {
  description = "What starts the timer, `scheduler` (EventBridge Scheduler) or `rule` (an EventBridge rule, for emulators), and whether it does."
  type        = object({ by = optional(string, "scheduler"), enabled = optional(bool, true) })
  default     = {}

  validation {
    condition     = contains(["scheduler", "rule"], var.timer.by)
    error_message = "timer.by is scheduler or rule."
  }
}

variable "architecture" {
  description = "The processor of the functions; null: that of a project's build, otherwise as the topology says."
  type        = string
  default     = null

  validation {
    condition     = var.architecture == null || contains(["arm64", "x86_64"], coalesce(var.architecture, "arm64"))
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "worker_timeout_s" {
  description = "Seconds that an invocation of the worker may run; an attempt has 3 less, and no job that asks for more is accepted. Null: as the topology says, 900."
  type        = number
  default     = null

  validation {
    condition     = var.worker_timeout_s == null || (coalesce(var.worker_timeout_s, 10) >= 10 && coalesce(var.worker_timeout_s, 10) <= 900 && floor(coalesce(var.worker_timeout_s, 10)) == coalesce(var.worker_timeout_s, 10))
    error_message = "worker_timeout_s is a whole number from 10 to 900, the longest that Lambda runs a function."
  }
}

variable "worker_memory_mb" {
  description = "Memory of the worker, and with it its share of processors: 1,769 MB is a whole one. Null: as the topology says, 1024."
  type        = number
  default     = null

  validation {
    condition     = var.worker_memory_mb == null || (coalesce(var.worker_memory_mb, 256) >= 256 && coalesce(var.worker_memory_mb, 256) <= 10240 && floor(coalesce(var.worker_memory_mb, 256)) == coalesce(var.worker_memory_mb, 256))
    error_message = "worker_memory_mb is a whole number from 256 to 10240."
  }
}

variable "worker_concurrency" {
  description = "Maximum number of batches of one queue that workers run concurrently. Null: as the topology says, 50."
  type        = number
  default     = null

  validation {
    condition     = var.worker_concurrency == null || (coalesce(var.worker_concurrency, 2) >= 2 && coalesce(var.worker_concurrency, 2) <= 1000 && floor(coalesce(var.worker_concurrency, 2)) == coalesce(var.worker_concurrency, 2))
    error_message = "worker_concurrency is a whole number from 2 to 1000, the bounds of an SQS event source mapping."
  }
}

variable "worker_reserved_concurrency" {
  description = "Invocations of the worker that the account keeps free for it, and their maximum. The sum of its queues' maximum concurrency at least. Null: none."
  type        = number
  default     = null

  validation {
    condition     = var.worker_reserved_concurrency == null || (coalesce(var.worker_reserved_concurrency, 2) >= 2 && floor(coalesce(var.worker_reserved_concurrency, 2)) == coalesce(var.worker_reserved_concurrency, 2))
    error_message = "worker_reserved_concurrency is a whole number of 2 at least."
  }
}

variable "queue_settings" {
  description = "Queue (critical, high, normal, low, notifications) to messages in a batch, 1 to 10, and batches at once, 2 to 1000; null: worker_concurrency, and as the topology says."
  type        = map(object({ batch_size = optional(number), maximum_concurrency = optional(number) }))
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.queue_settings) : contains(["critical", "high", "normal", "low", "notifications"], name)])
    error_message = "queue_settings has critical, high, normal, low and notifications only."
  }
  validation {
    condition = alltrue([
      for queue in values(var.queue_settings) : contains(range(1, 11), coalesce(queue.batch_size, 1)) && contains(range(2, 1001), coalesce(queue.maximum_concurrency, 2))
    ])
    error_message = "queue_settings: batch_size is a whole number from 1 to 10, maximum_concurrency one from 2 to 1000."
  }
}

variable "own_queues" {
  description = "Queues of your own: name to the seconds that its worker may run (10 to 900), its memory in MB, messages in a batch, batches at once, weight (8 as critical to 1 as low), and draining: true before it is removed. Null: as the topology says. At most 8."
  type = map(object({
    timeout_s           = number
    memory_mb           = optional(number)
    batch_size          = optional(number)
    maximum_concurrency = optional(number)
    weight              = optional(number)
    draining            = optional(bool)
  }))
  default = {}

  validation {
    condition     = length(var.own_queues) <= 8 && alltrue([for name in keys(var.own_queues) : can(regex("^[a-z][a-z0-9-]{0,19}$", name)) && !contains(["critical", "high", "normal", "low", "notifications"], name)])
    error_message = "own_queues has at most 8 names of 1 to 20 of a-z, 0-9 and -, a letter first, and none of critical, high, normal, low and notifications."
  }
  validation {
    condition = alltrue([
      for queue in values(var.own_queues) : contains(range(10, 901), queue.timeout_s) && contains(range(1, 11), coalesce(queue.batch_size, 1)) && contains(range(2, 1001), coalesce(queue.maximum_concurrency, 2)) && contains(range(1, 9), coalesce(queue.weight, 1))
    ])
    error_message = "own_queues: timeout_s is a whole number from 10 to 900, batch_size one from 1 to 10, maximum_concurrency one from 2 to 1000, weight one from 1 to 8."
  }
  validation {
    condition     = alltrue([for queue in values(var.own_queues) : coalesce(queue.memory_mb, 256) >= 256 && coalesce(queue.memory_mb, 256) <= 10240 && floor(coalesce(queue.memory_mb, 256)) == coalesce(queue.memory_mb, 256)])
    error_message = "own_queues: memory_mb is a whole number from 256 to 10240."
  }
}

variable "visibility_s" {
  description = "The queues' visibility timeout; null: as the topology says, 5400. Six times the slowest function's timeout at least, except in an emulator."
  type        = number
  default     = null
}

variable "shards" {
  description = "Partitions of the due index per queue (WHENDUE_SHARDS). Null: as the topology says, 8. It may only grow; containers need the same value."
  type        = number
  default     = null

  validation {
    condition     = var.shards == null || (coalesce(var.shards, 8) >= 1 && coalesce(var.shards, 8) <= 256 && floor(coalesce(var.shards, 8)) == coalesce(var.shards, 8))
    error_message = "shards is a whole number from 1 to 256."
  }
}

variable "warm_throughput" {
  description = "What table and index take at once, before DynamoDB has split them under load; AWS charges for it once. Null: what DynamoDB begins with, 12000 reads and 4000 writes a second."
  type        = object({ reads_per_s = number, writes_per_s = number })
  default     = null

  validation {
    condition     = var.warm_throughput == null || (try(var.warm_throughput.reads_per_s, 0) >= 12000 && try(var.warm_throughput.writes_per_s, 0) >= 4000)
    error_message = "warm_throughput has at least 12000 reads and 4000 writes a second, with which each table begins."
  }
}

variable "reserve_timer" {
  description = "Reserve concurrency for the timer, as the topology says. Off for accounts whose whole concurrency is 10: AWS keeps those unreserved."
  type        = bool
  default     = true
}

variable "environment" {
  description = "Further WHENDUE_* settings of all functions (docs/reference/configuration.md). No secrets: they are readable in the console."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^WHENDUE_[A-Za-z0-9_]+$", name)) && !contains(["WHENDUE_SECRET", "WHENDUE_JWT_SECRET"], name)])
    error_message = "environment has WHENDUE_* settings only, and no secret: use secret_parameter and jwt.secret_parameter."
  }
}

variable "task_environment" {
  description = "Variables of a project's tasks, in the functions that import them. No secrets: they are readable in the console."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.task_environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !can(regex("^(WHENDUE|AWS|LAMBDA)_", name))])
    error_message = "task_environment has names of two or more letters, digits and _, a letter first, and none that begins with WHENDUE_, AWS_ or LAMBDA_."
  }
}

variable "secrets" {
  description = "Variable of tasks to where its value is kept: the full name of an SSM parameter, or the name of a secret of the Secrets Manager. The worker reads the values when it starts; they never pass through Terraform."
  type        = map(object({ ssm = optional(string), secretsmanager = optional(string) }))
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[A-Za-z][A-Za-z0-9_]*$", name)) && !can(regex("^(WHENDUE|AWS|LAMBDA)_", name))])
    error_message = "secrets has names of letters, digits and _, a letter first, and none that begins with WHENDUE_, AWS_ or LAMBDA_."
  }
  validation {
    condition     = alltrue([for source in values(var.secrets) : (source.ssm == null) != (source.secretsmanager == null)])
    error_message = "Each of secrets has either ssm or secretsmanager."
  }
  validation {
    condition = alltrue([
      for source in values(var.secrets) : can(regex("^/[A-Za-z0-9_./-]+$", coalesce(source.ssm, "/x"))) && can(regex("^[A-Za-z0-9/_+=.@-]+$", coalesce(source.secretsmanager, "x")))
    ])
    error_message = "secrets: ssm is the full name of a parameter, which begins with a slash; secretsmanager is the name of a secret, not its ARN."
  }
  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.task_environment))) == 0
    error_message = "A variable is either in secrets or in task_environment."
  }
}

variable "worker_statements" {
  description = "What the worker may do beyond whendue's own permissions: statements of an IAM policy, in its words (Effect, Action, Resource, Condition)."
  type        = any
  default     = []

  validation {
    condition     = alltrue([for statement in var.worker_statements : try(contains(["Allow", "Deny"], statement.Effect) && length(flatten([statement.Action])) > 0 && length(flatten([statement.Resource])) > 0, false)])
    error_message = "worker_statements have Effect (Allow or Deny), Action and Resource."
  }
}

variable "worker_policy_arns" {
  description = "Managed policies of the worker, beyond whendue's own permissions: any name, which must be known before the policy is made, to its ARN."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.worker_policy_arns) : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", arn))])
    error_message = "worker_policy_arns has ARNs of managed policies."
  }
}

variable "vpc" {
  description = "Where the worker runs, to reach what is in a VPC. Its subnets need a way to DynamoDB, SQS, S3, the parameter store, what its tasks call, and for `secrets` the Secrets Manager: endpoints, or NAT. Null: in no VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc has one subnet and one security group at least."
  }
}

variable "email" {
  description = "Mails: the default sender, the verified SES identities (ARNs) that roles may send from, and by tenant (* for every tenant) further senders and the allowed recipients: addresses, domains, or *."
  type = object({
    from          = optional(string, "")
    identity_arns = optional(list(string), [])
    senders       = optional(map(list(string)), {})
    recipients    = optional(map(list(string)), {})
  })
  default = {}

  validation {
    condition     = (var.email.from == "" && length(var.email.senders) == 0) == (length(var.email.identity_arns) == 0)
    error_message = "email.identity_arns goes together with email.from or email.senders."
  }
  validation {
    condition = alltrue([
      for entry in flatten([values(var.email.senders), values(var.email.recipients)]) : can(regex("^(\\*|([^ @*]+@)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)$", entry))
    ])
    error_message = "email.senders and email.recipients have addresses, domains, or *."
  }
}

variable "sns_allow" {
  description = "Tenant (* for every tenant) to patterns (*, ?) of ARNs of topics that its subscriptions may publish to; never the stack's own."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue([for pattern in flatten(values(var.sns_allow)) : can(regex("^arn:aws[a-z-]*:sns:[^\\[]+$", pattern))])
    error_message = "sns_allow has ARNs of topics; * and ? are its only patterns, as in IAM."
  }
}

variable "lambda_allow" {
  description = "Tenant (* for every tenant) to patterns (*, ?) of ARNs of functions that its jobs may invoke by the task `lambda`; they name them by ARN. Never the stack's own."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue([for pattern in flatten(values(var.lambda_allow)) : can(regex("^arn:aws[a-z-]*:lambda:[^\\[]+$", pattern))])
    error_message = "lambda_allow has ARNs of functions; * and ? are its only patterns, as in IAM."
  }
}

# --- how it is kept -------------------------------------------------------------------------------------------

variable "kms_key_arn" {
  description = "A KMS key of yours for table, bucket, queues and logs; null: keys that AWS owns, which cost nothing."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, not of an alias."
  }
}

variable "protect" {
  description = "Refuse to delete the table, and a bucket that is not empty."
  type        = bool
  default     = true
}

variable "bucket_lifecycle" {
  description = "Let objects in the bucket expire. Off only for emulators without bucket lifecycles."
  type        = bool
  default     = true
}

# --- how it is watched ----------------------------------------------------------------------------------------

variable "log_retention_days" {
  description = "How long logs are kept; null: as the topology says."
  type        = number
  default     = null
}

variable "snap_start" {
  description = "Start functions from a snapshot (SnapStart), paid by the version and by the start: docs/operations/deploying.md."
  type        = bool
  default     = false
}

variable "tracing" {
  description = "AWS X-Ray traces of all functions, paid by the trace."
  type        = bool
  default     = false
}

variable "observability" {
  description = "Make alarms and the dashboard."
  type        = bool
  default     = true
}

variable "alarm_email" {
  description = "The mail address that gets alarms, in addition to the SNS topic of the output `alarm_topic_arn`. Null: no mails."
  type        = string
  default     = null
}

variable "monthly_budget_usd" {
  description = "US dollars a month. Warn when the costs of resources with the tag `stack` = name exceed 80 % of this, or are forecast to exceed it. Null: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || coalesce(var.monthly_budget_usd, 1) >= 1
    error_message = "monthly_budget_usd is one dollar at least."
  }
  validation {
    condition     = var.monthly_budget_usd == null || var.observability || var.alarm_email != null
    error_message = "A budget must have an address or a topic to notify: alarm_email, or the topic that observability makes."
  }
}

variable "runbooks_url" {
  description = "Where the runbook pages are: the start of the link in each alarm's description. Set it to a URL, so that the mail of an alarm has a link."
  type        = string
  default     = "docs/operations/runbooks"
}
