variable "name" {
  description = "The table's name."
  type        = string
}

variable "plan" {
  description = "The topology's table. Its keys are named so that the partition key comes first in the alphabet: YAML's order is lost."
  type = object({
    key   = map(string)
    index = object({ name = string, key = map(string), include = list(string) })
    ttl   = string
  })

  validation {
    condition     = alltrue([for type in concat(values(var.plan.key), values(var.plan.index.key)) : contains(["S", "N", "B"], type)])
    error_message = "A key's type is S, N or B; in YAML an N must be quoted."
  }
  validation {
    condition     = length(var.plan.key) == 2 && length(var.plan.index.key) == 2
    error_message = "Table and index each have a partition key and a sort key."
  }
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "protect" {
  description = "Refuse to delete the table."
  type        = bool
}
