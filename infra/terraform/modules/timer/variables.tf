variable "name" {
  description = "The schedule's or the rule's name."
  type        = string
}

variable "by" {
  description = "`scheduler` or `rule`."
  type        = string
}

variable "every" {
  description = "As in `rate(1 minute)`."
  type        = string
}

variable "enabled" {
  description = "Let it tick."
  type        = bool
}

variable "function_name" {
  description = "The timer's name."
  type        = string
}

variable "function_qualifier" {
  description = "The alias that is called, null for the function itself."
  type        = string
  default     = null
}

variable "function_arn" {
  description = "The timer's ARN."
  type        = string
}

variable "account_id" {
  description = "This account, whose schedules alone may use the role."
  type        = string
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
