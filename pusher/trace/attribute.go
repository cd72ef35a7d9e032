package trace

// Keys of attributes: OpenTelemetry's semantic conventions (messaging, HTTP, version 1.43) where they have one, and our own.
const (
	MessagingSystem      = "messaging.system"
	MessagingOperation   = "messaging.operation.name"
	MessagingType        = "messaging.operation.type"
	MessagingDestination = "messaging.destination.name"
	MessagingTemplate    = "messaging.destination.template" // in place of a name that says who is meant
	MessagingBodySize    = "messaging.message.body.size"
	MessagingBatchCount  = "messaging.batch.message_count"

	HTTPMethod   = "http.request.method"
	HTTPRoute    = "http.route"
	HTTPStatus   = "http.response.status_code"
	HTTPBodySize = "http.request.body.size"
	ErrorType    = "error.type"

	ServiceName     = "service.name"
	ServiceVersion  = "service.version"
	ServiceInstance = "service.instance.id"

	App         = "gannet.app.id"
	Event       = "gannet.event.name"
	Source      = "gannet.source"      // rest, client
	Subscribers = "gannet.subscribers" // of the channel on this node, or those that a loop has sent to
	Loop        = "gannet.loop"
	Bus         = "gannet.backbone.operation" // publish, append
)

// System is the value of MessagingSystem.
const System = "gannet"

// Names of spans.
const (
	NamePublish  = "publish"  // an event enters a node, for one channel
	NameAdmitted = "admitted" // a request is checked, and waits while loops are behind
	NameBackbone = "backbone" // an event is handed to the other nodes
	NameDeliver  = "deliver"  // an event from the backbone is given to the loops
	NameQueued   = "queued"   // it waits in a loop's mailbox
	NameWritten  = "written"  // the loop writes it to its subscribers
)
