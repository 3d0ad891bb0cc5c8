output "api_url" {
  description = "The API's address, without a slash at its end."
  value       = module.api.url
}

output "domain_target" {
  description = "Where the DNS record of `domain` must point; null without one."
  value       = module.api.domain_target
}

output "region" {
  description = "The AWS region."
  value       = var.region
}

output "table" {
  description = "The table's name."
  value       = module.table.name
}

output "bucket" {
  description = "The bucket's name."
  value       = module.bucket.name
}

output "queues" {
  description = "Queue name -> URL."
  value       = { for name in flatten(values(local.over)) : name => local.urls[name] }
}

output "dead_letter_queue" {
  description = "The URL of the jobs' dead-letter queue."
  value       = local.urls["dead_letter"]
}

output "notifications_dead_letter_queue" {
  description = "The URL of the dead-letter queue of deliveries."
  value       = local.urls[local.queues.notifications.dead_letter]
}

output "container_settings" {
  description = "The settings of containers (API, worker and timer), one NAME=value per line: those of the functions."
  value = join("\n", [
    for name, value in merge(local.environment, local.jwt_environment, { AWS_DEFAULT_REGION = var.region }, var.environment) : "${name}=${value}"
    if value != null && value != "" && name != "POWERTOOLS_SERVICE_NAME"
  ])
}

output "functions" {
  description = "Function name -> deployed name."
  value       = { for name, function in module.function : name => function.name }
}

output "alarm_topic_arn" {
  description = "The SNS topic that every alarm notifies; null without observability."
  value       = one(module.observability[*].topic_arn)
}

output "jwt_secret_parameter" {
  description = "The SSM parameter (SecureString) that must hold the secret of HS256 tokens; null with other algorithms."
  value       = local.jwt_secret_parameter
}

output "secret_parameter" {
  description = "The SSM parameter (SecureString) that must hold the deployment's secret (docs/reference/configuration.md)."
  value       = local.secret_parameter
}
