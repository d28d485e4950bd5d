"""Policies in the shapes in which they are met: of AWS's documentation, consoles, landing zones and Terraform modules.

Each is text as somebody might have stored it, since adding to it must not change a character. The bucket is
`audit-logs`, the trail `audit` of account 111122223333 in eu-west-1.
"""

import json

_MANY = [f"arn:aws:iam::{number:012d}:role/log-readers/of-the-security-team" for number in range(1, 300)]

BUCKETS = {
    "of the guide before aws:SourceArn": """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AWSCloudTrailAclCheck20150319",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:GetBucketAcl",
            "Resource": "arn:aws:s3:::audit-logs"
        },
        {
            "Sid": "AWSCloudTrailWrite20150319",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::audit-logs/AWSLogs/111122223333/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
        }
    ]
}
""",
    "of another trail, with the same Sids": (
        '{"Version":"2012-10-17","Statement":[{"Sid":"AWSCloudTrailAclCheck20150319","Effect":"Allow","Principal":'
        '{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::audit-logs",'
        '"Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/old"}}},'
        '{"Sid":"AWSCloudTrailWrite20150319","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},'
        '"Action":"s3:PutObject","Resource":"arn:aws:s3:::audit-logs/old/AWSLogs/111122223333/*","Condition":'
        '{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/old",'
        '"s3:x-amz-acl":"bucket-owner-full-control"}}}]}'
    ),
    "of CloudTrail's former accounts": """{
  "Version": "2008-10-17",
  "Id": "Policy1397000000000",
  "Statement": [
    {
      "Sid": "AWSCloudTrailAclCheck20131101",
      "Effect": "Allow",
      "Principal": {"AWS": ["arn:aws:iam::903692715234:root", "arn:aws:iam::859597730677:root",
                            "arn:aws:iam::113285607260:root"]},
      "Action": "s3:GetBucketAcl",
      "Resource": "arn:aws:s3:::audit-logs"
    },
    {
      "Sid": "AWSCloudTrailWrite20131101",
      "Effect": "Allow",
      "Principal": {"AWS": ["arn:aws:iam::903692715234:root", "arn:aws:iam::859597730677:root"]},
      "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::audit-logs/AWSLogs/111122223333/*",
      "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    }
  ]
}""",
    "of an organization trail": """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "AWSCloudTrailAclCheck20150319", "Effect": "Allow",
     "Principal": {"Service": ["cloudtrail.amazonaws.com"]}, "Action": "s3:GetBucketAcl",
     "Resource": "arn:aws:s3:::audit-logs",
     "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:999988887777:trail/all"}}},
    {"Sid": "AWSCloudTrailOrganizationWrite20150319", "Effect": "Allow",
     "Principal": {"Service": ["cloudtrail.amazonaws.com"]}, "Action": "s3:PutObject",
     "Resource": "arn:aws:s3:::audit-logs/AWSLogs/o-exampleorgid/*",
     "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control",
                                    "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:999988887777:trail/all"}}}
  ]
}""",
    "of a landing zone's log archive": """{
\t"Version": "2012-10-17",
\t"Statement": [
\t\t{
\t\t\t"Sid": "AllowSSLRequestsOnly",
\t\t\t"Effect": "Deny",
\t\t\t"Principal": "*",
\t\t\t"Action": "s3:*",
\t\t\t"Resource": ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"],
\t\t\t"Condition": {"Bool": {"aws:SecureTransport": "false"}}
\t\t},
\t\t{
\t\t\t"Sid": "AWSBucketPermissionsCheck",
\t\t\t"Effect": "Allow",
\t\t\t"Principal": {"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]},
\t\t\t"Action": "s3:GetBucketAcl",
\t\t\t"Resource": "arn:aws:s3:::audit-logs"
\t\t},
\t\t{
\t\t\t"Sid": "AWSConfigBucketExistenceCheck",
\t\t\t"Effect": "Allow",
\t\t\t"Principal": {"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]},
\t\t\t"Action": "s3:ListBucket",
\t\t\t"Resource": "arn:aws:s3:::audit-logs"
\t\t},
\t\t{
\t\t\t"Sid": "AWSBucketDeliveryForOrganizationCloudTrail",
\t\t\t"Effect": "Allow",
\t\t\t"Principal": {"Service": ["cloudtrail.amazonaws.com"]},
\t\t\t"Action": "s3:PutObject",
\t\t\t"Resource": ["arn:aws:s3:::audit-logs/o-exampleorgid/AWSLogs/o-exampleorgid/*"],
\t\t\t"Condition": {"StringEquals": {"aws:SourceOrgID": "o-exampleorgid"}}
\t\t}
\t]
}
""",
    "of AWS Config": """{"Version": "2012-10-17", "Statement": [
{"Sid": " AWSConfigBucketDelivery", "Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"},
 "Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::audit-logs/AWSLogs/111122223333/Config/*",
 "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": "111122223333"},
               "ArnLike": {"aws:SourceArn": "arn:aws:config:eu-west-1:111122223333:*"}}}]}""",
    "of load balancers, of both kinds": """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::156460612806:root"}, "Action": "s3:PutObject",
     "Resource": "arn:aws:s3:::audit-logs/AWSLogs/111122223333/*"},
    {"Effect": "Allow", "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
     "Action": "s3:PutObject", "Resource": "arn:aws:s3:::audit-logs/AWSLogs/*"}
  ]
}""",
    "of flow logs": """{
    "Version":"2012-10-17",
    "Id":"AWSLogDeliveryWrite20150319",
    "Statement":[
        {
            "Sid":"AWSLogDeliveryWrite",
            "Effect":"Allow",
            "Principal":{"Service":"delivery.logs.amazonaws.com"},
            "Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::audit-logs/AWSLogs/111122223333/*",
            "Condition":{
                "StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceAccount":["111122223333"]},
                "ArnLike":{"aws:SourceArn":["arn:aws:logs:eu-west-1:111122223333:*"]}
            }
        }
    ]
}""",
    "of access logs": (
        '{"Statement":{"Sid":"S3ServerAccessLogsPolicy","Effect":"Allow","Principal":'
        '{"Service":"logging.s3.amazonaws.com"},"Action":["s3:PutObject"],'
        '"Resource":"arn:aws:s3:::audit-logs/access/*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::web"}}},'
        '"Version":"2012-10-17"}'
    ),
    "of a replica": """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Set permissions for objects",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::444455556666:role/service-role/s3-replication"},
      "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ObjectOwnerOverrideToBucketOwner"],
      "Resource": "arn:aws:s3:::audit-logs/*"
    },
    {
      "Sid": "Set permissions on bucket",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::444455556666:role/service-role/s3-replication"},
      "Action": ["s3:GetBucketVersioning", "s3:PutBucketVersioning"],
      "Resource": "arn:aws:s3:::audit-logs"
    }
  ]
}""",
    "of CloudFront": """{
  "Version": "2008-10-17",
  "Id": "PolicyForCloudFrontPrivateContent",
  "Statement": [{
    "Sid": "1",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::audit-logs/*"
  }]
}""",
    "with old versions of TLS denied": """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "EnforceTLSv12orHigher",
      "Principal": {"AWS": "*"},
      "Action": ["s3:*"],
      "Effect": "Deny",
      "Resource": ["arn:aws:s3:::audit-logs/*", "arn:aws:s3:::audit-logs"],
      "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.20}}
    }
  ]
}""",
    "with deletion denied": """{"Version":"2012-10-17","Statement":[
  {"Sid":"nobody deletes \\u2014 ever","Effect":"Deny","Principal":"*",
   "Action":["s3:DeleteObject","s3:DeleteObjectVersion","s3:PutLifecycleConfiguration","s3:DeleteBucket"],
   "Resource":["arn:aws:s3:::audit-logs","arn:aws:s3:::audit-logs/*"]},
  {"Sid":"mfa","Effect":"Deny","Principal":"*","Action":"s3:Delete*","Resource":"arn:aws:s3:::audit-logs/*",
   "Condition":{"Null":{"aws:MultiFactorAuthAge":true}}}
]}""",
    "with variables": """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "EachAccountItsFolder",
      "Effect": "Allow",
      "Principal": {"Service": "cloudtrail.amazonaws.com"},
      "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::audit-logs/AWSLogs/${aws:SourceAccount}/*"
    }
  ]
}""",
    "with readers in other accounts": """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "Athena",
    "Effect" : "Allow",
    "Principal" : { "AWS" : [ "arn:aws:iam::777788889999:root", "arn:aws:iam::444455556666:user/siem" ] },
    "Action" : [ "s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation" ],
    "Resource" : [ "arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*" ]
  } ]
}""",
    "with carriage returns": (
        '{\r\n  "Version": "2012-10-17",\r\n  "Statement": [\r\n    {\r\n      "Sid": "A",\r\n'
        '      "Effect": "Allow",\r\n      "Principal": {"AWS": "444455556666"},\r\n'
        '      "Action": "s3:GetObject",\r\n      "Resource": "arn:aws:s3:::audit-logs/*"\r\n    }\r\n  ]\r\n}\r\n'
    ),
    "open to everybody": """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
    "Action": "s3:*", "Resource": ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"]}]}""",
    "with another prefix and NotAction": """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "WriteOnly", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
     "NotAction": ["s3:DeleteObject", "s3:GetObject"], "Resource": "arn:aws:s3:::audit-logs/trails/AWSLogs/*"}
  ]
}""",
    "almost too long": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Readers",
                    "Effect": "Allow",
                    "Principal": {"AWS": _MANY[:220]},
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::audit-logs/*",
                }
            ],
        },
        indent=4,
    ),
}

DENYING = {
    "strangers to the organization": """{"Version": "2012-10-17", "Statement": [
  {"Sid": "OnlyOurOrganization", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
   "Resource": ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"],
   "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}}]}""",
    "all but an endpoint": """{"Version": "2012-10-17", "Statement": [
  {"Sid": "OnlyFromOurNetwork", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
   "Resource": ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"],
   "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}}]}""",
    "uploads that are not encrypted with KMS": """{
  "Version": "2012-10-17",
  "Id": "PutObjPolicy",
  "Statement": [
    {
      "Sid": "DenyUnEncryptedObjectUploads",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::audit-logs/*",
      "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    }
  ]
}""",
    "everybody but an administrator": """{"Version": "2012-10-17", "Statement": [
  {"Sid": "Fence", "Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:root",
   "arn:aws:iam::111122223333:role/admin"]}, "Action": "s3:*",
   "Resource": ["arn:aws:s3:::audit-logs", "arn:aws:s3:::audit-logs/*"]}]}""",
}

TOPICS = {
    "of SNS": """{
  "Version": "2008-10-17",
  "Id": "__default_policy_ID",
  "Statement": [
    {
      "Sid": "__default_statement_ID",
      "Effect": "Allow",
      "Principal": {"AWS": "*"},
      "Action": ["SNS:Publish", "SNS:RemovePermission", "SNS:SetTopicAttributes", "SNS:DeleteTopic",
                 "SNS:ListSubscriptionsByTopic", "SNS:GetTopicAttributes", "SNS:AddPermission", "SNS:Subscribe"],
      "Resource": "arn:aws:sns:eu-west-1:111122223333:notify",
      "Condition": {"StringEquals": {"AWS:SourceOwner": "111122223333"}}
    }
  ]
}""",
    "of the guide before aws:SourceArn": """{
    "Version": "2012-10-17",
    "Statement": [{
        "Sid": "AWSCloudTrailSNSPolicy20131101",
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": "arn:aws:sns:eu-west-1:111122223333:notify"
    }]
}""",
    "of alarms and events": (
        '{"Version":"2012-10-17","Statement":[{"Sid":"alarms","Effect":"Allow","Principal":{"Service":'
        '["cloudwatch.amazonaws.com","events.amazonaws.com"]},"Action":"sns:Publish","Resource":'
        '"arn:aws:sns:eu-west-1:111122223333:notify"}]}'
    ),
}

KEYS = {
    "of KMS": (
        '{\n  "Version" : "2012-10-17",\n  "Id" : "key-default-1",\n  "Statement" : [ {\n    "Sid" : '
        '"Enable IAM User Permissions",\n    "Effect" : "Allow",\n    "Principal" : {\n      "AWS" : '
        '"arn:aws:iam::111122223333:root"\n    },\n    "Action" : "kms:*",\n    "Resource" : "*"\n  } ]\n}'
    ),
    "of CloudTrail's console": """{
  "Version": "2012-10-17",
  "Id": "Key policy created by CloudTrail",
  "Statement": [
    {"Sid": "Enable IAM User Permissions", "Effect": "Allow",
     "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]}, "Action": "kms:*", "Resource": "*"},
    {"Sid": "Allow CloudTrail to encrypt logs", "Effect": "Allow",
     "Principal": {"Service": ["cloudtrail.amazonaws.com"]}, "Action": "kms:GenerateDataKey*", "Resource": "*",
     "Condition": {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn":
                                  "arn:aws:cloudtrail:*:111122223333:trail/*"}}},
    {"Sid": "Allow CloudTrail to describe key", "Effect": "Allow",
     "Principal": {"Service": ["cloudtrail.amazonaws.com"]}, "Action": "kms:DescribeKey", "Resource": "*"},
    {"Sid": "Allow principals in the account to decrypt log files", "Effect": "Allow", "Principal": {"AWS": "*"},
     "Action": ["kms:Decrypt", "kms:ReEncryptFrom"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333"},
                   "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn":
                                  "arn:aws:cloudtrail:*:111122223333:trail/*"}}},
    {"Sid": "Allow alias creation during setup", "Effect": "Allow", "Principal": {"AWS": "*"},
     "Action": "kms:CreateAlias", "Resource": "*",
     "Condition": {"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com",
                                    "kms:CallerAccount": "111122223333"}}}
  ]
}""",
    "of a module that encrypts log groups too": """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
      "Action": "kms:*",
      "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Principal": { "Service": "logs.eu-west-1.amazonaws.com" },
      "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
      "Resource": "*"
    }
  ]
}""",
}

TRUST = {
    "of another service": """{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
    "Action": "sts:AssumeRole"
  }
}""",
    "with a source, which CloudTrail does not send": """{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow",
"Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":
{"aws:SourceAccount":"111122223333"}}}]}""",
}

PERMISSIONS = {
    "for all of the group": """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AWSCloudTrailCreateLogStream2014110",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": ["arn:aws:logs:eu-west-1:111122223333:log-group:audit:log-stream:*"]
        }
    ]
}""",
    "for another group": (
        '{"Version":"2012-10-17","Statement":[{"Sid":"AWSCloudTrailCreateLogStream2014110","Effect":"Allow","Action":'
        '"logs:CreateLogStream","Resource":"arn:aws:logs:eu-west-1:111122223333:log-group:other:log-stream:*"}]}'
    ),
}
