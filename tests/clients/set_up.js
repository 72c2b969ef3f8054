// What a set-up page or program does with the unmodified client: all of its calls, in the order of its own examples.
// Arguments: client folder, protocol, host, port, claim code, SSID, password, security. Prints what came as one JSON object.
'use strict';
const [folder, protocol, host, port, code, ssid, password, security] = process.argv.slice(2);
const SoftAPSetup = require(require.resolve('@particle/softap-setup', { paths: [folder] }));
const sap = new SoftAPSetup({ protocol, host, port: Number(port), timeout: 20000 });

const call = (name, ...args) =>
	new Promise((resolve, reject) => sap[name](...args, (error, value) => (error ? reject(error) : resolve(value))));

async function main() {
	const told = {};
	told.version = await call('version');
	told.info = await call('deviceInfo');
	told.scan = await call('scan');
	told.key = await call('publicKey');
	if (code) {
		await call('setClaimCode', code);
		told.refused = await call('configure', { ssid: 'nowhere', password, security });
		told.short = await call('configure', { ssid, password: 'short', security });
		told.corp = await call('configure', { ssid: 'nowhere', security: 'wpa2_enterprise', eap: 'peap', username: 'ann', password });
		told.configured = await call('configure', { ssid, password, security, channel: 6 });
		await call('connect');
	}
	console.log(JSON.stringify(told));
	process.exit(0);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
