// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An importer of dma-bufs that has a device: the lab's stand-in for a display controller.
 *
 * It drives the device-tree node "grantscope,importer", which has no registers: nothing of the device is there but its DMA operations,
 * which the kernel chooses for it as for any other device of the tree (of_dma_configure_id in drivers/of/device.c, Linux v6.12). In a
 * direct-mapped domain those are swiotlb-xen's. So mapping a buffer for it costs what it costs a real importer, and no data moves but
 * what the kernel itself copies.
 *
 * /dev/grantscope-importer takes four requests: to attach to a dma-buf, to map it in both directions, as DRM's drivers do
 * (drm_gem_prime_import_dev in drivers/gpu/drm/drm_prime.c), and the same back. What is left ends with the open file.
 */

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

/* The same is in workload/src/uapi/importer.rs. */
struct importer_attach {
	/* In: the dma-buf's descriptor. */
	__s32 fd;
	/* Out: names the attachment in this open file. */
	__u32 handle;
};

#define IMPORTER_ATTACH _IOWR('g', 0xd0, struct importer_attach)
/* All three take a handle. */
#define IMPORTER_MAP _IOW('g', 0xd1, __u32)
#define IMPORTER_UNMAP _IOW('g', 0xd2, __u32)
#define IMPORTER_DETACH _IOW('g', 0xd3, __u32)

/* One attachment, and its scatter list while it is mapped. */
struct import {
	struct list_head next;
	u32 handle;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
};

/* An open file. */
struct opened {
	struct mutex lock;
	struct list_head imports;
	u32 last_handle;
};

static struct device *device;

/* An account of its own, that a profiler's can be compared with. */
static atomic_long_t entries, copies, stale;

static int count_get(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read((atomic_long_t *)parameter->arg));
}

static const struct kernel_param_ops count_ops = { .get = count_get };
module_param_cb(entries, &count_ops, &entries, 0444);
MODULE_PARM_DESC(entries, "entries of all scatter lists that were mapped so far");
module_param_cb(copies, &count_ops, &copies, 0444);
MODULE_PARM_DESC(copies, "of those, entries of which the device is shown a copy in this domain's memory");
module_param_cb(stale, &count_ops, &stale, 0444);
MODULE_PARM_DESC(stale, "of those, copies that did not follow when the buffer was written to");

static long attach(struct opened *opened, struct importer_attach __user *at)
{
	struct importer_attach request;
	struct import *import;
	struct dma_buf *buffer;
	int error;

	if (copy_from_user(&request, at, sizeof(request)))
		return -EFAULT;
	request.handle = opened->last_handle + 1;
	if (copy_to_user(at, &request, sizeof(request)))
		return -EFAULT;
	import = kzalloc(sizeof(*import), GFP_KERNEL);
	if (!import)
		return -ENOMEM;
	buffer = dma_buf_get(request.fd);
	if (IS_ERR(buffer)) {
		error = PTR_ERR(buffer);
		goto free;
	}
	import->attachment = dma_buf_attach(buffer, device);
	if (IS_ERR(import->attachment)) {
		error = PTR_ERR(import->attachment);
		goto put;
	}
	import->handle = ++opened->last_handle;
	list_add(&import->next, &opened->imports);
	return 0;

put:
	dma_buf_put(buffer);
free:
	kfree(import);
	return error;
}

/* An address of the device's is one of the machine's, and this domain's memory has the same numbers there: so a copy is found by it. */
static void look_at(struct scatterlist *entry)
{
	dma_addr_t shown = sg_dma_address(entry);
	u8 *written, *seen, before;

	if (!pfn_valid(PHYS_PFN(shown)))
		return;
	atomic_long_inc(&copies);
	written = sg_virt(entry);
	seen = phys_to_virt(shown);
	before = READ_ONCE(*written);
	WRITE_ONCE(*written, ~before);
	if (READ_ONCE(*seen) == before)
		atomic_long_inc(&stale);
	WRITE_ONCE(*written, before);
}

static long map(struct import *import)
{
	struct sg_table *table;
	struct scatterlist *entry;
	int i;

	if (import->table)
		return -EBUSY;
	table = dma_buf_map_attachment_unlocked(import->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(table))
		return PTR_ERR(table);
	import->table = table;
	atomic_long_add(table->nents, &entries);
	for_each_sgtable_dma_sg(table, entry, i)
		look_at(entry);
	return 0;
}

static long unmap(struct import *import)
{
	if (!import->table)
		return -EINVAL;
	dma_buf_unmap_attachment_unlocked(import->attachment, import->table, DMA_BIDIRECTIONAL);
	import->table = NULL;
	return 0;
}

static long detach(struct import *import)
{
	struct dma_buf *buffer = import->attachment->dmabuf;

	if (import->table)
		return -EBUSY;
	list_del(&import->next);
	dma_buf_detach(buffer, import->attachment);
	dma_buf_put(buffer);
	kfree(import);
	return 0;
}

static struct import *find(struct opened *opened, __u32 __user *at)
{
	struct import *import;
	u32 handle;

	if (get_user(handle, at))
		return ERR_PTR(-EFAULT);
	list_for_each_entry(import, &opened->imports, next) {
		if (import->handle == handle)
			return import;
	}
	return ERR_PTR(-ENOENT);
}

static long with_import(struct opened *opened, unsigned int request, __u32 __user *at)
{
	struct import *import = find(opened, at);

	if (IS_ERR(import))
		return PTR_ERR(import);
	switch (request) {
	case IMPORTER_MAP:
		return map(import);
	case IMPORTER_UNMAP:
		return unmap(import);
	default:
		return detach(import);
	}
}

static long importer_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	struct opened *opened = file->private_data;
	long result;

	mutex_lock(&opened->lock);
	switch (request) {
	case IMPORTER_ATTACH:
		result = attach(opened, (struct importer_attach __user *)argument);
		break;
	case IMPORTER_MAP:
	case IMPORTER_UNMAP:
	case IMPORTER_DETACH:
		result = with_import(opened, request, (__u32 __user *)argument);
		break;
	default:
		result = -ENOTTY;
	}
	mutex_unlock(&opened->lock);
	return result;
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct opened *opened = kzalloc(sizeof(*opened), GFP_KERNEL);

	if (!opened)
		return -ENOMEM;
	mutex_init(&opened->lock);
	INIT_LIST_HEAD(&opened->imports);
	file->private_data = opened;
	return nonseekable_open(inode, file);
}

static int importer_release(struct inode *inode, struct file *file)
{
	struct opened *opened = file->private_data;
	struct import *import, *behind;

	list_for_each_entry_safe(import, behind, &opened->imports, next) {
		unmap(import);
		detach(import);
	}
	kfree(opened);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.unlocked_ioctl = importer_ioctl,
};

static struct miscdevice importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "grantscope-importer",
	.fops = &importer_fops,
	.mode = 0600,
};

static int importer_probe(struct platform_device *found)
{
	int error;

	/* It reaches all memory: what is bounced is bounced because of how it lies, not because of where. */
	error = dma_set_mask_and_coherent(&found->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	device = &found->dev;
	return misc_register(&importer_misc);
}

static void importer_remove(struct platform_device *found)
{
	misc_deregister(&importer_misc);
}

static const struct of_device_id importer_of_match[] = {
	{ .compatible = "grantscope,importer" },
	{}
};
MODULE_DEVICE_TABLE(of, importer_of_match);

static struct platform_driver importer_driver = {
	.probe = importer_probe,
	.remove = importer_remove,
	.driver = {
		.name = "grantscope-importer",
		.of_match_table = importer_of_match,
		/* An open file uses the device. */
		.suppress_bind_attrs = true,
	},
};
module_platform_driver(importer_driver);

MODULE_DESCRIPTION("Imports dma-bufs for a device that does nothing with them");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_IMPORT_NS(DMA_BUF);
