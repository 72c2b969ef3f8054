// particle-api-js, as its users use it: claim, product, customer, SIM, firmware release, event stream.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const facts = JSON.parse(process.argv[2]);
const Particle = createRequire(import.meta.url)(facts.api);
const particle = new (Particle.default || Particle)({ baseUrl: facts.baseUrl });
const { device, product } = facts;
const body = (answer) => answer.body;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Have the test do something, and wait until it has. */
async function have(done) {
  console.log(`DO ${done}`);
  await answers.next();
}

const login = body(await particle.login({ username: 'u1@example.com', password: 'secret' }));
const auth = login.access_token;
assert.equal(login.token_type, 'bearer');
await assert.rejects(particle.login({ username: 'u1@example.com', password: 'x' }), { shortErrorDescription: 'User credentials are invalid' });
assert.equal(body(await particle.getUserInfo({ auth })).username, 'u1@example.com');

assert.equal(body(await particle.claimDevice({ deviceId: device, auth })).ok, true);
await assert.rejects(particle.claimDevice({ deviceId: 'f'.repeat(24), auth }), { statusCode: 404 });
await particle.renameDevice({ deviceId: device, name: 'lamp', auth });
assert.equal(body(await particle.listDevices({ auth }))[0].name, 'lamp');
assert.equal(body(await particle.getDevice({ deviceId: 'lamp', auth })).online, true);
assert.equal(body(await particle.callFunction({ deviceId: 'lamp', name: 'led', argument: 'abc', auth })).return_value, 3);
assert.equal(body(await particle.getVariable({ deviceId: 'lamp', name: 'count', auth })).result, 7);
assert.equal(body(await particle.getClaimCode({ auth })).device_ids[0], device);

const stream = await particle.getEventStream({ deviceId: 'mine', name: 'temp', auth });
const heard = new Promise((resolve) => stream.on('event', resolve));
await have('event');
assert.equal((await heard).data, '21.5');
stream.abort();
await assert.rejects(particle.getEventStream({ auth }), { statusCode: 400 });
await particle.publishEvent({ name: 'hello', data: 'world', isPrivate: true, auth });

assert.equal(body(await particle.listProducts({ auth })).products[0].id, product);
assert.equal(body(await particle.getProduct({ product, auth })).product.name, 'Lamps');
assert.deepEqual(body(await particle.addDeviceToProduct({ deviceId: device, product, auth })).updatedDeviceIds, [device]);
const file = Buffer.from(`${device}\nNOPE\n`);
const imported = body(await particle.addDeviceToProduct({ product, file, auth }));
assert.deepEqual([imported.existingDeviceIds, imported.invalidDeviceIds], [[device], ['NOPE']]);
assert.equal(body(await particle.getDevice({ deviceId: device, product, auth })).product_id, product);
assert.equal(body(await particle.listDevices({ product, perPage: 1, auth })).meta.total_pages, 1);
assert.equal(body(await particle.markAsDevelopmentDevice({ deviceId: device, product, auth })).development, true);

const title = { version: 3, title: 'third', description: 'of all' };
assert.equal(body(await particle.uploadProductFirmware({ product, file: facts.binary, ...title, auth })).version, 3);
await have('run');
const released = body(await particle.releaseProductFirmware({ product, version: 3, product_default: true, auth }));
assert.equal(released.version, 3);
assert.equal(body(await particle.listProductFirmware({ product, auth }))[0].version, 3);
assert.ok(await particle.downloadProductFirmware({ product, version: 3, auth }));

const client = body(await particle.createOAuthClient({ name: 'app', type: 'installed', product, auth })).client;
const pair = { clientId: client.id, clientSecret: client.secret };
const app = new (Particle.default || Particle)({ baseUrl: facts.baseUrl, ...pair });
const customer = body(await app.createCustomer({ email: 'c@customers.example', password: 'p', product }));
assert.deepEqual(body(await app.listDevices({ auth: customer.access_token })), []);
assert.equal(body(await app.loginAsClientOwner({})).token_type, 'bearer');

assert.equal((await particle.checkSIM({ iccid: facts.iccid, auth })).statusCode, 204);
const data = { action: 'activate', country: 'US' };
assert.equal(body(await particle.put({ uri: `/v1/sims/${facts.iccid}`, data, auth })).ok, true);
assert.equal(body(await particle.listSIMs({ auth })).sims[0].iccid, facts.iccid);

assert.equal(body(await particle.removeDeviceOwner({ deviceId: device, product, auth })).ok, true);
await particle.removeDevice({ deviceId: device, product, auth });
await particle.deleteCurrentAccessToken({ auth });
await assert.rejects(particle.getUserInfo({ auth }), { statusCode: 401 });
console.log('all done');
process.exit(0);
