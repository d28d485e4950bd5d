"""What AWS documents data events of, and network activity events of; it adds to both lists every few weeks.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html#logging-data-events
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html
As of November 2026.
"""

_TYPES = """
AIDevOps AgentSpace Association OperatorAppTeam PipelineMetadata Service
AIOps InvestigationGroup
AOSS Collection
AWSExternalAnthropic Workspace
AgentAccessMCP Tools
AgentRegistry Registry
AppConfig Configuration
AppSync GraphQLApi
ApplicationSignals InstrumentationConfig
B2BI Transformer
Backup BackupAccessPoint SearchJob
Bedrock AdvancedOptimizePromptJob AgentAlias AsyncInvoke AutomatedReasoningPolicy AutomatedReasoningPolicyVersion
Bedrock Blueprint DataAutomationInvocation DataAutomationProfile DataAutomationProject FlowAlias FlowExecution Guardrail
Bedrock InlineAgent KnowledgeBase Model PromptVersion Session Tool
BedrockAgentCore ABTest APIKeyCredentialProvider BatchEvaluate Browser BrowserCustom BrowserProfile CapacityProvider
BedrockAgentCore CodeInterpreter CodeInterpreterCustom Evaluator Gateway Memory OAuth2CredentialProvider Payments Policy
BedrockAgentCore PolicyEngine Recommendation Registry Runtime RuntimeEndpoint TokenVault WorkloadIdentity
BedrockAgentCore WorkloadIdentityDirectory
BedrockMantle Project
BedrockWebSearch Tool
Cassandra Stream Table
CertificateManager AcmeEndpoint
ClinicalTrialsTech Codelist Dataset Execution Instance Mapping Schedule Study
CloudFront KeyValueStore
CloudOptimization Profile Recommendation
CloudTrail Channel
CloudWatch Dataset IngestionEndpoint Metric
CodeGuruProfiler ProfilingGroup
CodeWhisperer Customization Profile
Cognito IdentityPool
DSQL Cluster
DataExchange Asset
Deadline Fleet Job Queue Worker
DiodeAlerting LinkedAlert
DynamoDB Stream Table
EC2 InstanceConnectEndpoint Snapshot
ECS ContainerInstance
EKS Dashboard
EMRWAL Workspace
Events Endpoint EventBus EventSource Rule
FSx Volume
FinSpace Environment
GameLiftStreams Application StreamGroup
GeoMaps Provider
GeoPlaces Provider
GeoRoutes Provider
Glue Table
GreengrassV2 ComponentVersion Deployment
GuardDuty Detector MalwareScan
HealthAgent Domain Integration PatientInsightsJob Session Subscription
HealthLake DataTransformationProfile
IoT Certificate Thing Tunnel
IoTSiteWise Asset Dataset Pipeline TimeSeries Workspace
IoTTwinMaker Entity Workspace
KendraRanking ExecutionPlan
Kinesis Stream StreamConsumer
KinesisFirehose DeliveryStream
KinesisVideo SignalingChannel Stream
Lambda Function MicrovmImage
Lex Bot BotAlias
Logs LogGroupAuthorization ScheduledQuery
MWAA Environment
MachineLearning MlModel
ManagedBlockchain Network Node
ManagedBlockchainQuery QueryAPI
MedicalImaging Datastore Imageset
NeptuneGraph Graph
NetworkFlowMonitor Monitor Scope
NovaAct WorkflowDefinition WorkflowRun
One UKey User
PCAConnectorAD Connector
PCAConnectorSCEP Connector
PaymentCryptography Alias Key
Pinpoint App
QApps QApp QAppSession
QBusiness Application DataSource Index Integration WebExperience
QDeveloper Integration
QuickSight App Automation AutomationJob Extension ExtensionAccess Flow FlowSession Page Task
Quicksight ActionConnector
RDS DBCluster
RUM AppMonitor
Redshift Cluster
ResourceExplorer2 ManagedView View
S3 AccessPoint Object
S3Express AccessPoint Object
S3ObjectLambda AccessPoint
S3Outposts Object
S3Tables Table TableBucket
S3Vectors Index VectorBucket
SCN BusinessRule DataLakeException ExceptionInvestigation ExceptionRule Instance Metric MetricEvaluation Outcome
SCN OutcomeTemplate
SDB Domain
SES ConfigurationSet EmailIdentity Template
SMSVoice CarrierLookup ConfigurationSet Message NotifyConfiguration OriginationIdentity
SNS PlatformEndpoint Topic
SQS Queue
SSM ExecutionPreview ManagedNode
SSMMessages ControlChannel
SWF Domain
SageMaker Endpoint ExperimentTrialComponent FeatureGroup Hub Job MlflowApp MlflowTrackingServer TrainingSession
ServiceDiscovery Namespace Service
Signer SigningJob SigningProfile
SitewiseAssistant Conversation
SocialMessaging PhoneNumberId WabaId
StepFunctions Activity StateMachine
SupportAccess Tenant TrustingAccount TrustingRole
ThinClient Device Environment
Timestream Database RegionalEndpoint Table
Transform AgentInstance Profile
TransformCustom Campaign Conversation KnowledgeItem Package
UXC AccountCustomization
VerifiedPermissions PolicyStore
WellArchitected AgentRecommendation
XRay Trace
"""

_NETWORK_SERVICES = """
aco-automation agent-registry appconfig application-signals appmesh assurance athena autoscaling aws-external-anthropic
b2bi backup-gateway bcm-data-exports bcm-pricing-calculator bedrock bedrock-agentcore billing cassandra ce
chime-sdk-media-pipelines chime-sdk-voice cloudcontrolapi cloudformation cloudhsm cloudtrail codedeploy comprehend
comprehendmedical config ds dsql dynamodb ec2 ecr ecs elasticfilesystem elasticloadbalancing events firehose
frauddetector freetier fsx glue healthlake identitystore invoicing iot iotfleetwise iotsecuredtunneling iotsitewise kms
lakeformation lambda license-manager lookoutequipment lookoutvision monitoring partnercentral-prm personalize qbusiness
quicksight rds rdsdata rdsdataapi rekognition rolesanywhere route53 s3 s3vectors sagemaker scheduler secretsmanager
servicediscovery ses signin sns sqs ssm ssm-contacts sso sso-directory sso-oauth states storagegateway sts swf textract
transcribe transcribestreaming transfer transform translate user-subscriptions verifiedpermissions voiceid workmail
workmailmessageflow
"""


def _data_types() -> frozenset[str]:
    lines = [line.split() for line in _TYPES.split("\n") if line]
    types = {f"AWS::{service}::{name}" for service, *names in lines for name in names}
    # As AWS spells it in its SDKs: https://docs.aws.amazon.com/sdkfornet/v3/apidocs/items/CloudTrail/TAdvancedFieldSelector.html
    return frozenset(types | {"AWS::QApps:QApp"})


DATA_TYPES = _data_types()
"""The values of resources.type."""

NETWORK_SOURCES = frozenset(f"{service}.amazonaws.com" for service in _NETWORK_SERVICES.split())
"""The values of eventSource for network activity events."""
