# What a root has and a module has not: `whendue terraform` leaves this file out.
terraform {
  # Where the state is kept is said at init: terraform init -backend-config=env/prod.s3.tfbackend
  backend "s3" {}
}

# Credentials come from the environment, as the AWS CLI reads them; AWS_ENDPOINT_URL leads to an emulator.
provider "aws" {
  region                      = var.region
  s3_use_path_style           = var.emulator
  skip_credentials_validation = var.emulator
  skip_metadata_api_check     = var.emulator
}
