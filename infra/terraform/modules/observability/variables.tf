variable "name" {
  description = "Begins the names of alarms and topic; the dashboard's name."
  type        = string
}

variable "region" {
  description = "Where the metrics are."
  type        = string
}

variable "alarms" {
  description = "The topology's alarms: true above a number for so many minutes."
  type        = map(object({ above = number, periods = number }))
}

variable "functions" {
  description = "Function name -> deployed name."
  type        = map(string)
}

variable "queues" {
  description = "Queue name -> deployed name."
  type        = map(string)
}

variable "dead_letter_queues" {
  description = "The same of the dead-letter queues."
  type        = map(string)
}

variable "own_queues" {
  description = "Queues of one's own: name -> deployed names of the queue and of its worker. They have alarms of their own, so that no alarm reads more metrics for each of them."
  type        = map(object({ queue = string, function = string }))
  default     = {}
}

variable "table" {
  description = "The table's name."
  type        = string
}

variable "indexes" {
  description = "The names of its indexes."
  type        = list(string)
}

variable "email" {
  description = "Who gets mails of alarms, or null."
  type        = string
}

variable "runbooks_url" {
  description = "Where the runbook pages are."
  type        = string
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
