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
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "protect" {
  description = "Refuse to delete the table."
  type        = bool
}
