# What a root has and a module has not: `whendue terraform` leaves this file out. One exact version of the provider; the
# lock file that `init` writes holds its hashes.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.69.1"
    }
  }
}
