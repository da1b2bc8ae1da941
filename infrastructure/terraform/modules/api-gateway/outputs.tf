# Id of the REST API.
output "id" { value = aws_api_gateway_rest_api.this.id }

# Host of the REST API.
output "domain_name" { value = "${aws_api_gateway_rest_api.this.id}.execute-api.${var.context.aws_region}.amazonaws.com" }

# Name of the stage.
output "stage_name" { value = aws_api_gateway_stage.default.stage_name }

# Address of the stage.
output "invoke_url" { value = aws_api_gateway_stage.default.invoke_url }
