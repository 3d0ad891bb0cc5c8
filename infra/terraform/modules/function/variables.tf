variable "name" {
  description = "The function's name."
  type        = string
}

variable "plan" {
  description = "The topology's function."
  type        = object({ handler = string, timeout_s = number, memory_mb = number })
}

variable "runtime" {
  description = "As in `python3.13`."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "zip" {
  description = "The zip with the function's code; its name carries its content's hash, so other code is another name."
  type        = string
}

variable "layers" {
  description = "ARNs of the layers' versions."
  type        = list(string)
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "statements" {
  description = "What the function may do: actions on resources."
  type        = list(object({ actions = list(string), resources = list(string) }))
}

variable "denials" {
  description = "What the function may not do, whatever else allows it: actions on resources."
  type        = list(object({ actions = list(string), resources = list(string) }))
  default     = []
}

variable "reserved_concurrency" {
  description = "How many run at once at most, kept free for it; -1: as many as the account allows."
  type        = number
}

variable "queues" {
  description = "The queues that feed it: name -> ARN, maximum number of messages in a batch, maximum number of batches at once."
  type        = map(object({ arn = string, batch_size = number, maximum_concurrency = number }))
}

variable "further_statements" {
  description = "What its owner lets the function do beyond `statements`: statements of an IAM policy, in its words."
  type        = any
  default     = []
}

variable "policy_arns" {
  description = "Managed policies that the function has in addition: any name to the ARN, which need not be known yet."
  type        = map(string)
  default     = {}
}

variable "vpc" {
  description = "Where the function runs, or null: in no VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "tracing" {
  description = "Trace with AWS X-Ray."
  type        = bool
}

variable "snap_start" {
  description = "Start from a snapshot of the started process: versions are published, and an alias is called."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
