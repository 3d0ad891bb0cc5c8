variable "name" {
  description = "The table's name."
  type        = string
}

variable "plan" {
  description = "The topology's table. Of each key the partition key comes first, then the sort key."
  type = object({
    key   = list(object({ name = string, type = string }))
    index = object({ name = string, key = list(object({ name = string, type = string })), include = list(string) })
    ttl   = string
  })

  validation {
    condition     = alltrue([for attribute in concat(var.plan.key, var.plan.index.key) : contains(["S", "N", "B"], attribute.type)])
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
