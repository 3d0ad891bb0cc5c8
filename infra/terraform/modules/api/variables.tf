variable "name" {
  description = "The API's name."
  type        = string
}

variable "flavor" {
  description = "`http` or `rest`."
  type        = string
}

variable "stage" {
  description = "The HTTP API's stage."
  type        = string
}

variable "rest_stage" {
  description = "The REST API's stage, whose name is part of its address."
  type        = string
}

variable "function_name" {
  description = "The function behind it."
  type        = string
}

variable "function_qualifier" {
  description = "The alias that is called, null for the function itself."
  type        = string
  default     = null
}

variable "function_arn" {
  description = "Its ARN."
  type        = string
}

variable "function_invoke_arn" {
  description = "How a REST API calls it."
  type        = string
}

variable "throttle" {
  description = "Requests a second that are let through in the long run, and at once."
  type        = object({ rate_per_s = number, burst = number })
}

variable "domain" {
  description = "A domain of one's own and its certificate, or null."
  type        = object({ name = string, certificate_arn = string })
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
