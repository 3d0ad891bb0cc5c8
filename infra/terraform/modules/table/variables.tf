variable "name" {
  description = "The table's name."
  type        = string
}

variable "plan" {
  description = "The topology's table. Of each key the partition key comes first, then the sort key."
  type = object({
    key          = list(object({ name = string, type = string }))
    indexes      = list(object({ name = string, key = list(object({ name = string, type = string })), include = list(string) }))
    former_index = object({ name = string, key = list(object({ name = string, type = string })), include = list(string) })
    ttl          = string
  })

  validation {
    condition     = alltrue([for attribute in concat(var.plan.key, flatten(var.plan.indexes[*].key)) : contains(["S", "N", "B"], attribute.type)])
    error_message = "A key's type is S, N or B; in YAML an N must be quoted."
  }
  validation {
    condition     = length(var.plan.key) == 2 && alltrue([for index in var.plan.indexes : length(index.key) == 2])
    error_message = "Table and indexes each have a partition key and a sort key."
  }
}

variable "keep_former_index" {
  description = "Keep the index of the version before, while an upgrade is rolled out."
  type        = bool
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "protect" {
  description = "Refuse to delete the table."
  type        = bool
}

variable "warm_throughput" {
  description = "Reads and writes a second that table and index take from the beginning, or null."
  type        = object({ reads_per_s = number, writes_per_s = number })
  default     = null
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
